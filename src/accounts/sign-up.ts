/** Making an account. */
import { createHmac } from 'node:crypto'
import { newId } from '../base/ids.ts'
import { counted } from '../base/meter.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import { USER_COLUMNS } from '../database/user-columns.ts'
import type { Deps } from '../deps.ts'
import { networkOf } from '../limits/networks.ts'
import { countTry, type TooManyTries } from '../limits/rate-limits.ts'
import { verifyEmail } from '../mail/letters.ts'
import { mailed } from '../mail/outbox.ts'
import { findLeaving } from './account-deletion.ts'
import { type Device, noted } from './activity.ts'
import { type LinkTo, linked, newToken } from './links/email-links.ts'
import type { Breached } from './passwords/breached-passwords.ts'
import type { Place } from './passwords/hash-queue.ts'
import { findCredentials, type User } from './users.ts'

/** Long enough for a second press of the button, too short for an open form to serve as a way to log in. */
export const SAME_SIGN_UP_MS = 10 * 60_000

/** `passwordVersion` belongs to the password that was checked: a session starts only while that is the current one. */
type Registration =
  | { ok: true; user: User; passwordVersion: number }
  | { ok: false; reason: 'address-taken' }
  | Breached
  | TooManyTries

type SignUp = {
  name: string
  email: string
  password: string
  image?: string | null | undefined
  device: Device
  signal?: AbortSignal
  /** A secret of the form that was sent. The same form sent twice is one sign-up. */
  form: string
  /** Where the link leads that confirms the address. */
  linkTo: LinkTo
}

/**
 * Makes an account and mails its owner. The same form sent again with the same address and password ends in the same
 * account; anything else is refused when the address has an account. So is a password that is known from leaks.
 * @throws {Busy} when there is no room for hashing; that does not count as a try.
 */
export const register = (deps: Deps, signUp: SignUp): Promise<Registration> =>
  counted(deps.meter, 'sign-up', () => signUpInTurn(deps, signUp))

async function signUpInTurn(deps: Deps, signUp: SignUp): Promise<Registration> {
  const { rateLimits, passwords } = deps
  const { email, password, signal } = signUp
  // Before its turn and whatever the address, so that nobody waits for it but who asks, and it tells nothing.
  if (await deps.breachedPasswords.includes(password)) return { ok: false, reason: 'breached' }
  // A network over its limit must not take places in the line from others.
  const refused = rateLimits.refusedLately('signUpByNetwork', networkOf(signUp.device.ipAddress))
  if (refused) return refused
  // One sign-up of an address at a time, so that of many only the first costs a hash.
  return rateLimits.inTurn(email, async () => {
    // Before the rest, so that whoever has to be sent away is told at once, and is not counted.
    const place = passwords.keepPlace({ subject: email, signal })
    try {
      return await countedSignUp(deps, signUp, place)
    } finally {
      place.release()
    }
  })
}

async function countedSignUp(deps: Deps, signUp: SignUp, place: Place): Promise<Registration> {
  const { sql, passwords, rateLimits } = deps
  const { email, password, device, form } = signUp
  const { ipAddress } = device
  const signUpForm = createHmac('sha256', form).update(email).digest('base64url')
  const count = await countTry(rateLimits, ['signUpByNetwork', 'signUpByAddress'], { email, ipAddress })
  if (!count.ok) return count
  const [known, leaving] = await Promise.all([findCredentials(sql, email), findLeaving(sql, email)])
  if (known) return sameSignUp(deps, known, { password, signUpForm }, place)
  // The address of an account that can still come back is not free.
  if (leaving) return { ok: false, reason: 'address-taken' }
  // Signing up and deleting the account again and again would fill a stranger's mailbox. A sign-up without a mail would
  // be worse, so further ones are refused.
  const accounts = await rateLimits.count('accountsByAddress', email)
  if (!accounts.ok) return accounts
  const passwordHash = await passwords.hash(password, place).catch((error: unknown) => {
    void Promise.allSettled([rateLimits.refund('accountsByAddress', email)])
    throw error
  })
  const user = await createUser(deps, { ...signUp, signUpForm, passwordHash })
  if (user) return { ok: true, user, passwordVersion: 0 }
  // Another process has just made an account for this address.
  return sameSignUp(deps, await findCredentials(sql, email), { password, signUpForm }, place)
}

/** Lets in whoever has just made this account by the same form, with the same password. */
async function sameSignUp(
  { passwords, now }: Deps,
  known: Awaited<ReturnType<typeof findCredentials>>,
  { password, signUpForm }: { password: string; signUpForm: string },
  place: Place,
): Promise<Registration> {
  const isRecent = known && known.suspendedAt === null && now() - known.user.createdAt.getTime() < SAME_SIGN_UP_MS
  const isSame =
    isRecent && known.signUpForm === signUpForm && (await passwords.verify(password, known.passwordHash, place)).ok
  return isSame
    ? { ok: true, user: known.user, passwordVersion: known.passwordVersion }
    : { ok: false, reason: 'address-taken' }
}

/** The new user, or undefined when the address has an account. The unique index decides between parallel sign-ups. */
async function createUser(
  { sql, mail, now: clock }: Deps,
  {
    name,
    email,
    image = null,
    device,
    linkTo,
    signUpForm,
    passwordHash,
  }: Omit<SignUp, 'form'> & { signUpForm: string; passwordHash: string },
): Promise<User | undefined> {
  const now = clock()
  const token = newToken()
  const welcome = mail.enabled ? mail.row(verifyEmail(email, linkTo(token))) : undefined
  const [user] = await sql<User>`
    with created as (
      insert into users (id, name, email, image, password_hash, sign_up_form, devices_known_since)
      values (${newId()}, ${name}, ${email}, ${image}, ${passwordHash}, ${signUpForm}, ${new Date(now)})
      on conflict (email) do nothing
      returning *
    ), noted as (
      ${noted('signed-up', 'created', { device, now })}
    ), linked as (
      ${welcome ? linked({ token, purpose: 'verify-email', email, now, mailId: welcome.id }, 'created') : fragment`select`}
    ), mailed as (
      ${mailed([welcome, fragment`from created`])}
    )
    select ${USER_COLUMNS} from created u`
  if (user) mail.wake()
  return user
}

/** Digests of forms that were sent too long ago to count as the same sign-up. */
export const OLD_SIGN_UP_FORMS: Pruning = {
  table: 'users',
  key: 'id',
  isOver: (now) => fragment`sign_up_form is not null and created_at < ${new Date(now - SAME_SIGN_UP_MS)}`,
  instead: fragment`update users set sign_up_form = null`,
}
