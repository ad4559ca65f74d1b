import { timingSafeEqual } from 'node:crypto'

/** Whether two texts are equal. The time this takes does not show where they differ, only whether their lengths do. */
export function isSameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
