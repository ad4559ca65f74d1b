/** Why a row of the ledger does not apply here, in one sentence. Rare: most rows are shown by a test. */
export const REASONS: Record<string, string> = {
  E04: 'whoever signs up is to be logged in at once, so the page must say why it cannot; how many addresses can be tried is limited (SECURITY.md)',
}
