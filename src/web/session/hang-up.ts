import type { Response } from 'express'

/** Aborts when the client hangs up before it has its answer, so that nothing costly is begun for nobody. */
export function hangUpOf(res: Response): AbortSignal {
  const hangUp = new AbortController()
  res.once('close', () => {
    if (!res.writableEnded) hangUp.abort()
  })
  return hangUp.signal
}
