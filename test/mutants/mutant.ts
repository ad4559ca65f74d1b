/** A guard, how it is broken, and the test that must notice. */
export type Mutant = {
  /** What is broken, in a few words. */
  guard: string
  /** Where two guards stand behind one another, both are broken: either alone is enough, and no test can tell. */
  breaks: { file: string; from: string; to: string }[]
  /** The test file, below `test` and without its ending. */
  test: string
  /** The title of the test that must fail, without the rows of the ledger. */
  title: string
}

/** Mutants of one source file. `from` must stand in it exactly once. */
export const inFile =
  (file: string) =>
  (guard: string, from: string, to: string, test: string, title: string): Mutant => ({
    guard,
    breaks: [{ file, from, to }],
    test,
    title,
  })
