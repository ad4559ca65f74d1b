/** The keys of other backends. */
import { addServiceKey, isKeyName, isRight, listServiceKeys, RIGHTS, revokeServiceKey } from '../tokens/service-keys.ts'
import { command } from './frame/command.ts'
import { Failure, UsageError } from './frame/exits.ts'

const NO_SUCH_KEY = 'There is no key of this name. See service-keys list.'

const list = command({
  name: 'service-keys list',
  summary: 'the keys of other backends, what each may do, when it was last used',
  json: true,
  run: async ({ deps, out }) => {
    const keys = await listServiceKeys((await deps()).sql)
    out.tell(keys, () =>
      keys.length === 0
        ? ['There is no key yet. See service-keys add.']
        : keys.map(({ name, rights, createdAt, usedAt }) => {
            const used = usedAt === null ? 'never used' : `last used about ${usedAt.toISOString()}`
            return [name, rights.join(','), `made ${createdAt.toISOString()}`, used].join('  ')
          }),
    )
  },
})

const add = command({
  name: 'service-keys add',
  summary: 'make a key and print it once',
  details: `Rights: ${RIGHTS.join(', ')}. The key is alone on its line, for scripts.`,
  arguments: {
    name: {
      what: 'of the backend: small letters, digits and dashes',
      missing: 'A name has small letters, digits and dashes.',
    },
    right: { what: 'what it may do', many: true, missing: 'What may it do?' },
  },
  changes: true,
  run: async ({ deps, audited, args, out }) => {
    const { name } = args
    if (!isKeyName(name)) throw new UsageError('A name has small letters, digits and dashes, 40 at most.')
    const unknown = args.right.find((right) => !isRight(right))
    if (unknown !== undefined) throw new UsageError(`There is no right ${unknown}.`)
    const rights = RIGHTS.filter((right) => args.right.includes(right))
    const { sql, now } = await deps()
    const key = await audited({ whom: name, details: { rights } }, async () => {
      const added = await addServiceKey(sql, { name, rights, now: now() })
      if (added !== undefined) return added
      throw new Failure('data', 'There is a key of this name. To replace it, add one of another name first.')
    })
    out.print(key)
  },
})

const revoke = command({
  name: 'service-keys revoke',
  summary: 'end a key at once',
  arguments: { name: { what: 'as service-keys list shows it', missing: 'Which key? See service-keys list.' } },
  changes: true,
  run: async ({ deps, audited, args: { name }, out }) => {
    const { sql } = await deps()
    const revokeIt = async () => {
      if (!(await revokeServiceKey(sql, name))) throw new Failure('noInput', NO_SUCH_KEY)
    }
    // Whoever gives the key in place of its name must not find it in the audit.
    if (!(await listServiceKeys(sql)).some((key) => key.name === name)) throw new Failure('noInput', NO_SUCH_KEY)
    await audited({ whom: name }, revokeIt)
    out.say('The key is revoked and counts no more.')
  },
})

export const SERVICE_KEYS = [list, add, revoke]
