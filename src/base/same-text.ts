import { timingSafeEqual } from 'node:crypto'

/** Whether two texts are the same. The time it takes tells nothing of where they differ, only whether they are as long. */
export function isSameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
