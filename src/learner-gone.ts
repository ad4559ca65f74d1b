/** The account was deleted while something of its learner was on the way: their session is over too. */
export class LearnerGone extends Error {
  override name = 'LearnerGone'

  constructor() {
    super('the account of this learner was deleted')
  }
}
