/** Failures that are nobody's mistake. They are thrown anywhere and answered in one place each. */

/** A part of the service cannot be reached, or is full for now: pages and API answer 503 with `Retry-After`. */
export class Unavailable extends Error {
  override name = 'Unavailable'
  readonly retryAfterSeconds: number

  constructor(what: string, options: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(what, options)
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}

/** So many people want something at the moment that it would take too long. */
export class Busy extends Unavailable {
  override name = 'Busy'
}

/** Whoever sent the request has hung up before the costly part of it began. Nobody reads the answer. */
export class ClientGone extends Error {
  override name = 'ClientGone'
  /** Not a fault, so nothing is logged. */
  readonly status = 400

  constructor() {
    super('the client has hung up')
  }
}

/** The account was deleted while a request of its learner was being handled, so their session is over too. */
export class LearnerGone extends Error {
  override name = 'LearnerGone'

  constructor() {
    super('the account of this learner was deleted')
  }
}
