/** The two failures that are nobody's mistake, thrown anywhere and answered in one place each. */

/** A part of the service cannot be reached, or is full for now: pages and API answer 503 with `Retry-After`. */
export class Unavailable extends Error {
  override name = 'Unavailable'
  readonly retryAfterSeconds: number

  constructor(what: string, options: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(what, options)
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}

/** The account was deleted while a request of its learner was being handled, so their session is over too. */
export class LearnerGone extends Error {
  override name = 'LearnerGone'

  constructor() {
    super('the account of this learner was deleted')
  }
}
