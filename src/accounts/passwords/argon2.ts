/** Argon2, where its package is installed: it is optional, since only hashes that were moved in need it. */
import { createRequire } from 'node:module'

type Argon2 = { verifySync: (hash: string, password: string) => boolean }

let found: { argon2: Argon2 | undefined } | undefined

/** The package, or undefined where it is not installed or not made for this system. */
export function argon2(): Argon2 | undefined {
  found ??= { argon2: load() }
  return found.argon2
}

function load(): Argon2 | undefined {
  try {
    const loaded: Argon2 = createRequire(import.meta.url)('@node-rs/argon2')
    return loaded
  } catch {
    return undefined
  }
}
