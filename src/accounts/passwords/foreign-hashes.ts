/**
 * Password hashes that other programs have made, in the form in which those write them. They are moved in with their owners,
 * checked at the first login and then replaced by one of ours. `docs/moving-in.md` lists them for operators.
 */
import { createHash } from 'node:crypto'
import { argon2 } from './argon2.ts'

/** What a thread needs to check a password, bcrypt apart. */
export type DerivedKey =
  | ScryptKey
  | { scheme: 'pbkdf2'; digest: 'sha1' | 'sha256' | 'sha512'; iterations: number; salt: Uint8Array; key: Uint8Array }
  /** `hash` in PHC form. */
  | { scheme: 'argon2id'; hash: string }

/** RFC 7914. With a `signerKey`, as Firebase does it, the key is that one encrypted under what scrypt returns. */
type ScryptKey = {
  scheme: 'scrypt'
  cost: number
  blockSize: number
  parallelization: number
  salt: Uint8Array
  key: Uint8Array
  signerKey?: Uint8Array
}

/** `textOf` makes of a typed password what was hashed; by itself that is the password as it was typed. */
export type ForeignHash = { textOf: (password: string) => string } & (
  | { bcrypt: string; cost: number; derived?: undefined }
  | { derived: DerivedKey; bcrypt?: undefined }
)

/**
 * What one check may cost. Whoever moves in brings the numbers along, and a check must neither keep a thread for seconds
 * nor take the memory of the server. The defaults of all sources are well below: Django 5.2 counts a million iterations.
 */
export const FOREIGN_BOUNDS = {
  bcryptCost: { least: 4, most: 14 },
  pbkdf2Iterations: 2_000_000,
  scryptBytes: 128 * 2 ** 20,
  /** N · r · p, and 512 · r · p where N is less: all blocks are hashed once more at the beginning and at the end. */
  scryptWork: 2 ** 21,
  argon2KiB: 128 * 2 ** 10,
  /** m · t */
  argon2Work: 2 ** 20,
  argon2Lanes: 16,
}
const TEXT_MAX_LENGTH = 1_024
/** Shorter keys would let in too many passwords. */
const KEY_BYTES = { least: 16, most: 128 }

const SCRYPT_ENDS = 512
const ARGON2_SALT_BYTES = 8
const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 }

const TYPED = (password: string): string => password

type Named = Record<string, string | undefined>

/** Each form with what it holds. A form that does not say what it is made of (Better Auth's) has its program's numbers. */
const FORMS: [form: RegExp, read: (parts: Named) => ForeignHash | undefined][] = [
  // OpenBSD and everybody since: $2a$, $2b$, $2y$; Django writes `bcrypt$` before it.
  [/^(?:bcrypt\$)?\$2[aby]\$(?<rest>\d\d\$[./A-Za-z0-9]{53})$/, (parts) => bcryptOf(parts)],
  // Django: the SHA-256 of the password, in hex.
  [
    /^bcrypt_sha256\$\$2[aby]\$(?<rest>\d\d\$[./A-Za-z0-9]{53})$/,
    (parts) => bcryptOf(parts, (password) => createHash('sha256').update(password).digest('hex')),
  ],
  // Ours for Devise with a pepper, which it puts behind the password.
  [
    /^\$bcrypt-pepper\$(?<pepper>[\w+/=-]+)\$2[aby]\$(?<rest>\d\d\$[./A-Za-z0-9]{53})$/,
    ({ pepper = '', ...parts }) => bcryptOf(parts, (password) => password + Buffer.from(pepper, 'base64').toString()),
  ],
  // Better Auth: the salt is the hexadecimal text itself, and the password becomes NFKC.
  [
    /^(?<salt>[0-9a-f]{32}):(?<key>[0-9a-f]{128})$/,
    ({ salt = '', key }) =>
      scryptOf({ cost: 2 ** 14, blockSize: 16, salt: Buffer.from(salt), key: hex(key) }, (password) =>
        password.normalize('NFKC'),
      ),
  ],
  // PHC, as passlib writes it.
  [
    /^\$scrypt\$ln=(?<log>\d\d?),r=(?<r>\d+),p=(?<p>\d+)\$(?<salt>[\w+/.=-]*)\$(?<key>[\w+/.=-]+)$/,
    ({ log, r, p, salt, key }) =>
      scryptOf({ cost: 2 ** Number(log), blockSize: r, parallelization: p, salt: base64(salt), key: base64(key) }),
  ],
  // Django, whose salt is text.
  [
    /^scrypt\$(?<cost>\d+)\$(?<salt>[^$]+)\$(?<r>\d+)\$(?<p>\d+)\$(?<key>[\w+/=-]+)$/,
    ({ cost, r, p, salt, key }) =>
      scryptOf({ cost, blockSize: r, parallelization: p, salt: Buffer.from(salt ?? ''), key: base64(key) }),
  ],
  // Werkzeug, that is Flask.
  [
    /^scrypt:(?<cost>\d+):(?<r>\d+):(?<p>\d+)\$(?<salt>[^$]+)\$(?<key>[0-9a-f]+)$/,
    ({ cost, r, p, salt, key }) =>
      scryptOf({ cost, blockSize: r, parallelization: p, salt: Buffer.from(salt ?? ''), key: hex(key) }),
  ],
  // Ours for Firebase, whose export has the numbers apart.
  [
    /^\$firebase-scrypt\$ln=(?<log>\d\d?),r=(?<r>\d+)\$(?<salt>[\w+/=-]*)\$(?<separator>[\w+/=-]*)\$(?<signer>[\w+/=-]+)\$(?<key>[\w+/=-]+)$/,
    ({ log, r, salt, separator, signer, key }) =>
      scryptOf({
        cost: 2 ** Number(log),
        blockSize: r,
        salt: Buffer.concat([base64(salt), base64(separator)]),
        key: base64(key),
        signerKey: base64(signer),
      }),
  ],
  // PHC (`i=`) and passlib (without).
  [
    /^\$pbkdf2(?:-(?<digest>sha1|sha256|sha512))?\$(?:i=)?(?<iterations>\d+)(?:,l=\d+)?\$(?<salt>[\w+/.=-]*)\$(?<key>[\w+/.=-]+)$/,
    ({ digest = 'sha1', iterations, salt, key }) =>
      pbkdf2Of(digest, { iterations, salt: base64(salt), key: base64(key) }),
  ],
  // Django, whose salt is text.
  [
    /^pbkdf2_(?<digest>sha1|sha256)\$(?<iterations>\d+)\$(?<salt>[^$]+)\$(?<key>[\w+/=-]+)$/,
    ({ digest, iterations, salt, key }) =>
      pbkdf2Of(digest, { iterations, salt: Buffer.from(salt ?? ''), key: base64(key) }),
  ],
  // Werkzeug.
  [
    /^pbkdf2:(?<digest>sha1|sha256|sha512):(?<iterations>\d+)\$(?<salt>[^$]+)\$(?<key>[0-9a-f]+)$/,
    ({ digest, iterations, salt, key }) =>
      pbkdf2Of(digest, { iterations, salt: Buffer.from(salt ?? ''), key: hex(key) }),
  ],
  // PHC; Django writes `argon2` before it.
  [
    /^(?:argon2)?(?<hash>\$argon2id\$v=19\$m=(?<m>[1-9]\d*),t=(?<t>[1-9]\d*),p=(?<p>[1-9]\d*)\$(?<salt>[\w+/]+)\$(?<key>[\w+/]+))$/,
    (parts) => argon2Of(parts),
  ],
]

const base64 = (text = ''): Buffer => Buffer.from(text.replaceAll('.', '+'), 'base64')
const hex = (text = ''): Buffer => Buffer.from(text, 'hex')

const isKey = ({ length }: Uint8Array): boolean => length >= KEY_BYTES.least && length <= KEY_BYTES.most

/** bcrypt as the library wants it. What wrote $2y$ or $2a$ within the last ten years computes the same as $2b$. */
function bcryptOf({ rest = '' }: Named, textOf = TYPED): ForeignHash | undefined {
  const cost = Number(rest.slice(0, 2))
  const { least, most } = FOREIGN_BOUNDS.bcryptCost
  return cost >= least && cost <= most ? { bcrypt: `$2b$${rest}`, cost, textOf } : undefined
}

type ScryptParts = {
  cost: number | string | undefined
  blockSize: number | string | undefined
  parallelization?: string | undefined
  salt: Uint8Array
  key: Uint8Array
  signerKey?: Uint8Array
}

function scryptOf(
  { salt, key, signerKey, parallelization = '1', ...given }: ScryptParts,
  textOf = TYPED,
): ForeignHash | undefined {
  const [cost, blockSize, lanes] = [Number(given.cost), Number(given.blockSize), Number(parallelization)]
  // RFC 7914 section 2: a power of two, and below 2^(16 · r), or OpenSSL refuses it.
  const isPower = cost > 1 && Number.isInteger(Math.log2(cost)) && Math.log2(cost) < 16 * blockSize
  const isBounded =
    128 * cost * blockSize <= FOREIGN_BOUNDS.scryptBytes &&
    Math.max(cost, SCRYPT_ENDS) * blockSize * lanes <= FOREIGN_BOUNDS.scryptWork
  if (!isPower || blockSize < 1 || lanes < 1 || !isBounded || !isKey(key)) return undefined
  const numbers = { cost, blockSize, parallelization: lanes }
  return { derived: { scheme: 'scrypt', ...numbers, salt, key, ...(signerKey ? { signerKey } : {}) }, textOf }
}

function pbkdf2Of(
  digest: string | undefined,
  { salt, key, ...given }: { iterations: string | undefined; salt: Uint8Array; key: Uint8Array },
): ForeignHash | undefined {
  const iterations = Number(given.iterations)
  if (digest !== 'sha1' && digest !== 'sha256' && digest !== 'sha512') return undefined
  if (iterations < 1 || iterations > FOREIGN_BOUNDS.pbkdf2Iterations || !isKey(key)) return undefined
  // Each further length of a digest costs all iterations once more, and whoever guesses needs only the first.
  const first = key.subarray(0, DIGEST_BYTES[digest])
  return { derived: { scheme: 'pbkdf2', digest, iterations, salt, key: first }, textOf: TYPED }
}

/** RFC 9106 section 3.1, and as the package reads it: base64 of whole bytes, without anything behind the last of them. */
const isArgon2Text = (text = ''): boolean => base64(text).toString('base64').replace(/=+$/, '') === text

function argon2Of({ hash = '', m, t, p, salt, key }: Named): ForeignHash | undefined {
  const [memory, passes, lanes] = [Number(m), Number(t), Number(p)]
  const isBounded =
    memory <= FOREIGN_BOUNDS.argon2KiB &&
    memory * passes <= FOREIGN_BOUNDS.argon2Work &&
    lanes <= FOREIGN_BOUNDS.argon2Lanes
  const isSalted = isArgon2Text(salt) && base64(salt).length >= ARGON2_SALT_BYTES
  const isSound = isBounded && memory >= 8 * lanes && isSalted && isArgon2Text(key) && isKey(base64(key))
  return isSound ? { derived: { scheme: 'argon2id', hash }, textOf: TYPED } : undefined
}

/** What the text of a foreign hash says; undefined for a form that is not known, or numbers beyond the bounds. */
export function foreignHash(text: string): ForeignHash | undefined {
  if (text.length > TEXT_MAX_LENGTH) return undefined
  for (const [form, read] of FORMS) {
    const parts = form.exec(text)?.groups
    if (parts) return read(parts)
  }
  return undefined
}

/** Whether it can be checked here: for Argon2 that takes a package that is optional. */
export const canCheck = (hash: ForeignHash): boolean => hash.derived?.scheme !== 'argon2id' || argon2() !== undefined
