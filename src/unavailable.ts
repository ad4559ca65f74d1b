/** A part of the service is out of reach or full for now: pages and API answer 503 with `Retry-After`. */
export class Unavailable extends Error {
  override name = 'Unavailable'
  readonly retryAfterSeconds: number

  constructor(what: string, options: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(what, options)
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}
