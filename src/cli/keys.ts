/** The keys that sign access tokens. */
import { PUBLISHED_BEFORE_MS, publishedUntil } from '../tokens/signing-keys.ts'
import { command } from './frame/command.ts'
import { Failure } from './frame/exits.ts'

/** RFC 7638: the SHA-256 of the key. */
const KID = /^[\w-]{43}$/

const OUTCOMES = {
  'called-off': 'The key was waiting and is gone. It has signed nothing.',
  stopped: 'The key signs no more. It stays published until its last token has died: see keys list.',
  withdrawn:
    'The key is withdrawn. Verifiers refuse its tokens as soon as they ask for the keys again, within minutes.',
}

const list = command({
  name: 'keys list',
  summary: 'every signing key with its state: next, current or retired',
  json: true,
  run: async ({ deps, out }) => {
    const { keyRing } = await deps()
    const keys = (await keyRing.list()).map(({ key, keys, state, opened }) => {
      const until = publishedUntil(key, keys)
      const publishedTo = until === undefined ? null : new Date(until)
      return { kid: key.kid, state, signsFrom: key.signsFrom, publishedUntil: publishedTo, opened }
    })
    out.tell(keys, () => (keys.length === 0 ? [NONE] : keys.map(lineOf)))
  },
})

const NONE = 'There is no key yet. A server makes the first one when it starts.'

const lineOf = (key: {
  kid: string
  state: string
  signsFrom: Date
  publishedUntil: Date | null
  opened: boolean
}): string =>
  [
    key.kid,
    key.state.padEnd(7),
    `signs from ${key.signsFrom.toISOString()}`,
    ...(key.publishedUntil === null ? [] : [`published until ${key.publishedUntil.toISOString()}`]),
    ...(key.opened ? [] : ['opened by none of these APP_SECRETS']),
  ].join('  ')

const rotate = command({
  name: 'keys rotate',
  summary: `publish a new key, which signs ${PUBLISHED_BEFORE_MS / 60_000} minutes later`,
  changes: true,
  run: async ({ deps, audited, out }) => {
    const { keyRing } = await deps()
    const rotated = await audited({}, () => keyRing.rotate())
    if (rotated) out.say(`A new key is published and signs from ${rotated.signsFrom.toISOString()}.`)
    else out.say('A new key is published already and waits for its time: see keys list.')
  },
})

const retire = command({
  name: 'keys retire',
  summary: 'sign with a key no more; its tokens live out their 15 minutes',
  details: 'A key that waits is called off. Of a new one that signs, the one before takes over again.',
  arguments: {
    kid: {
      what: 'the key, as keys list shows it',
      missing: 'Which key? See keys list.',
      mayBeginWithDash: KID,
    },
  },
  options: { now: { type: 'boolean', what: 'it was stolen: its tokens end within minutes too' } },
  changes: true,
  run: async ({ deps, audited, args: { kid }, options, out }) => {
    const immediately = options.now ?? false
    const { keyRing } = await deps()
    // What has another form is no key, and may be something that the audit must not hold.
    const whom = KID.test(kid) ? { whom: kid } : {}
    const outcome = await audited({ ...whom, details: { now: immediately } }, async () => {
      const retirement = await keyRing.retire(kid, { immediately })
      if (retirement.ok) return retirement.outcome
      throw retirement.reason === 'unknown'
        ? new Failure('noInput', 'There is no key of this name. See keys list.')
        : new Failure(
            'temporary',
            'No other published key could sign in its place. Give keys rotate and wait, or retire it with --now if it was stolen.',
          )
    })
    out.say(OUTCOMES[outcome])
  },
})

export const KEYS = [list, rotate, retire]
