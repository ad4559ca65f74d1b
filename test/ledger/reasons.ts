/** Why a row of the ledger does not apply here, in one sentence. Rare: most rows are shown by a test. */
export const REASONS: Record<string, string> = {}
