/** `npm run bench -- --hashing`: how long a core takes for a hash, at each cost that `BCRYPT_COST` may have. */
import bcrypt from 'bcrypt'
import { markdown, median, rounded } from './figures.ts'

const COSTS = [10, 11, 12, 13, 14]
const HASHES_EACH = 5
const TEXT = 'plain tidy copper lantern'

export function hashing(): string {
  const lines = COSTS.map((cost) => {
    const salt = bcrypt.genSaltSync(cost)
    const times = Array.from({ length: HASHES_EACH }, () => {
      // The time of the processor, so that it does not count what else the machine does meanwhile.
      const before = process.cpuUsage()
      bcrypt.hashSync(TEXT, salt)
      return process.cpuUsage(before).user / 1_000
    })
    const milliseconds = median(times) ?? 0
    return [String(cost), rounded(milliseconds), rounded(1_000 / milliseconds)]
  })
  return markdown(['cost', 'ms of a core', 'hashes/s on one core'], lines, 0)
}
