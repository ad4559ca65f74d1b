/** What is counted, and how much of it is let through: `points` within `duration`, in seconds. */

const MINUTE = 60
const HOUR = 60 * MINUTE

/**
 * Limits by email address protect one account, limits by network one place. A whole school may share one IPv4 address, so
 * the latter leave room for a few classes on their first day. Logins that are still being checked count too, so the limit
 * for a network must be higher than the number of hashes that may wait.
 */
export const POLICIES = {
  loginByAddress: { points: 10, duration: 15 * MINUTE },
  loginByKnownDevice: { points: 10, duration: 15 * MINUTE },
  /** Failures in a row, over all pauses. How long they are remembered depends on their number: see `login-tries.ts`. */
  failuresByAddress: { points: 100, duration: 800 * HOUR },
  failuresByKnownDevice: { points: 100, duration: 800 * HOUR },
  loginByNetwork: { points: 200, duration: 15 * MINUTE },
  signUpByAddress: { points: 100, duration: HOUR },
  signUpByNetwork: { points: 600, duration: HOUR },
  refreshFamiliesBySession: { points: 100, duration: 24 * HOUR },
  confirmByUser: { points: 10, duration: 15 * MINUTE },
  /** Codes of the second step at a login, of whoever has done the first. */
  secondStepByUser: { points: 5, duration: 15 * MINUTE },
  secondStepByUserDaily: { points: 50, duration: 24 * HOUR },
  /** Answers of passkeys at a login that were not right. */
  passkeysByNetwork: { points: 200, duration: 15 * MINUTE },
  confirmStepByUser: { points: 5, duration: 15 * MINUTE },
  switchOnsByUser: { points: 5, duration: HOUR },
  passkeysByUser: { points: 20, duration: HOUR },
  /** Codes of mails that nobody has used: each gives five guesses in a million. */
  unusedCodesByAddress: { points: 20, duration: 30 * 24 * HOUR },
  wrongCodesByNetwork: { points: 100, duration: HOUR },
  accountsByAddress: { points: 3, duration: HOUR },
  noticesByAddress: { points: 5, duration: HOUR },
  /** Apart from the others, so that many logins do not silence what else happens. */
  loginNoticesByAddress: { points: 5, duration: HOUR },
  mailsByAddress: { points: 3, duration: HOUR },
  mailsByNetwork: { points: 200, duration: HOUR },
  emailChangesByUser: { points: 5, duration: HOUR },
  unknownLinksByNetwork: { points: 100, duration: 15 * MINUTE },
  exportsByUser: { points: 10, duration: HOUR },
} as const

export type Policy = keyof typeof POLICIES
