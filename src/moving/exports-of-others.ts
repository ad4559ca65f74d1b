/** The exports of other programs: how each names what we need. One person is one object. `docs/moving-in.md` describes them. */

export type Raw = Record<string, unknown>

/** What the hashes of a file need and do not hold, from a line that stands before them. */
export type HashConfig =
  | { signerKey: string; saltSeparator: string; rounds: number; memCost: number }
  | { pepper: string }

/** `blocked`: they must not log in there. */
export type Person = Raw & { blocked?: boolean }

/** @throws {Unreadable} with what is wrong with it. */
export class Unreadable extends Error {}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)
const objectOf = (value: unknown): Raw => (isObject(value) ? value : {})
const nameOf = (...parts: unknown[]): string => parts.map(text).filter(Boolean).join(' ')

/** Each kind of export: by what it is known, and what of it is what. The first that fits counts. */
const KINDS: [fits: (raw: Raw) => boolean, read: (raw: Raw, config: HashConfig | undefined) => Person][] = [
  [(raw) => 'model' in raw && 'fields' in raw, fromDjango],
  [(raw) => 'localId' in raw, fromFirebase],
  [(raw) => '_id' in raw || String(raw.user_id).includes('|'), fromAuth0],
  [(raw) => 'createdTimestamp' in raw || Array.isArray(raw.credentials), fromKeycloak],
  [(raw) => 'encrypted_password' in raw, fromDevise],
]

/** A person as our own export has them, whichever program wrote the object. @throws {Unreadable} */
export function personIn(raw: Raw, config: HashConfig | undefined): Person {
  const kind = KINDS.find(([fits]) => fits(raw))
  return kind === undefined ? ours(raw) : kind[1](raw, config)
}

/** Our own names, or the same in snake_case. */
const ours = (raw: Raw): Person =>
  Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )

/** `manage.py dumpdata auth.user --format jsonl`. */
function fromDjango({ model, pk, fields }: Raw): Person {
  if (!/user/i.test(String(model))) throw new Unreadable('it is not a user')
  const user = objectOf(fields)
  const hash = text(user.password)
  return {
    id: text(pk),
    email: user.email,
    name: nameOf(user.name) || nameOf(user.first_name, user.last_name) || user.username,
    // An unusable password begins with an exclamation mark.
    passwordHash: hash?.startsWith('!') ? null : hash,
    createdAt: user.date_joined,
    blocked: user.is_active === false,
  }
}

/** A user of `firebase auth:export`. */
function fromFirebase(user: Raw, config: HashConfig | undefined): Person {
  return {
    id: user.localId,
    email: user.email,
    name: user.displayName,
    image: user.photoUrl,
    emailVerified: user.emailVerified,
    passwordHash: user.passwordHash ? firebaseHash(user, config) : null,
    createdAt: user.createdAt,
    blocked: user.disabled === true,
  }
}

function firebaseHash({ passwordHash, salt }: Raw, config: HashConfig | undefined): string {
  if (config === undefined || !('signerKey' in config))
    throw new Unreadable('a hash of Firebase needs a line with its hash_config before it')
  const { memCost, rounds, saltSeparator, signerKey } = config
  return ['', 'firebase-scrypt', `ln=${memCost},r=${rounds}`, salt, saltSeparator, signerKey, passwordHash].join('$')
}

/** A user of Auth0: of the export with hashes that its support makes, or of the one without. */
function fromAuth0(user: Raw): Person {
  const oid = text(objectOf(user._id).$oid) ?? text(user._id)
  return {
    id: text(user.user_id) ?? `auth0|${oid}`,
    email: user.email,
    name: text(user.name) ?? user.nickname,
    image: user.picture,
    emailVerified: user.email_verified,
    passwordHash: user.passwordHash ?? user.password_hash,
    createdAt: dateOf(user.created_at),
    updatedAt: dateOf(user.updated_at),
    blocked: user.blocked === true,
  }
}

/** MongoDB's way to write a date, or a plain one. */
const dateOf = (value: unknown): unknown => objectOf(value).$date ?? value

/** A user of an exported realm of Keycloak. */
function fromKeycloak(user: Raw): Person {
  const credentials = Array.isArray(user.credentials) ? user.credentials.filter(isObject) : []
  const password = credentials.find(({ type }) => type === 'password')
  return {
    id: user.id,
    email: user.email,
    name: nameOf(user.firstName, user.lastName) || user.username,
    emailVerified: user.emailVerified,
    passwordHash: password === undefined ? null : keycloakHash(password),
    createdAt: user.createdTimestamp,
    blocked: user.enabled === false,
  }
}

/** In PHC form. Keycloak keeps the numbers and the key as JSON in JSON. */
function keycloakHash({ secretData, credentialData }: Raw): string {
  const [secret, numbers] = [embedded(secretData), embedded(credentialData)]
  const { algorithm, hashIterations, additionalParameters } = numbers
  if (algorithm !== 'argon2') return ['', algorithm, `i=${hashIterations}`, secret.salt, secret.value].join('$')
  const extra = objectOf(additionalParameters)
  const first = (name: string) => text([extra[name]].flat()[0])
  const bare = (base64: unknown) => String(base64).replace(/=+$/, '')
  const version = first('version') === '1.3' ? 19 : 16
  const memory = `m=${first('memory')},t=${hashIterations},p=${first('parallelism')}`
  return ['', `argon2${first('type')}`, `v=${version}`, memory, bare(secret.salt), bare(secret.value)].join('$')
}

function embedded(json: unknown): Raw {
  try {
    return objectOf(JSON.parse(String(json)))
  } catch {
    return {}
  }
}

/** A row of a Rails application with Devise, by `to_json` of its attributes. */
function fromDevise(user: Raw, config: HashConfig | undefined): Person {
  const hash = text(user.encrypted_password)
  const pepper = config !== undefined && 'pepper' in config ? config.pepper : undefined
  const peppered = pepper && hash && `$bcrypt-pepper$${Buffer.from(pepper).toString('base64')}${hash}`
  return {
    id: text(user.id),
    email: user.email,
    name: nameOf(user.name) || nameOf(user.full_name) || nameOf(user.first_name, user.last_name) || user.username,
    emailVerified: typeof user.confirmed_at === 'string',
    passwordHash: peppered || hash || null,
    createdAt: user.created_at,
    updatedAt: user.updated_at,
    blocked: typeof user.locked_at === 'string',
  }
}

/** What a line `{"hash_config": {…}}` says; undefined for other lines. @throws {Unreadable} */
export function hashConfigIn({ hash_config: given }: Raw): HashConfig | undefined {
  if (!isObject(given)) return undefined
  if (typeof given.pepper === 'string' && given.pepper !== '') return { pepper: given.pepper }
  const { base64_signer_key: signerKey, base64_salt_separator: saltSeparator, rounds, mem_cost: memCost } = given
  if (typeof signerKey !== 'string' || typeof saltSeparator !== 'string')
    throw new Unreadable('hash_config needs base64_signer_key, base64_salt_separator, rounds and mem_cost, or pepper')
  return { signerKey, saltSeparator, rounds: Number(rounds), memCost: Number(memCost) }
}
