/**
 * Random sequences of what people do, in the app and in the model. After each step both must say the same: what was
 * answered, which letters came, and who is in where, on pages and in the API. Two at the same moment must end as if one of
 * them had been first.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { TestApp } from '../support/app.ts'
import type { AnyAction } from './action.ts'
import { ACTIONS, RIVALS } from './actions.ts'
import { checkEnd, wrongAtTheEnd } from './end.ts'
import { browserIndex } from './in-and-out.ts'
import {
  accountOf,
  addLink,
  type Expected,
  endings,
  endSession,
  isOpen,
  type Letter,
  type Model,
  newModel,
  type Outcome,
  sessionIn,
} from './model.ts'
import { HALF_MINUTE, halfMinuteOf, leaveHalfway } from './ways-in.ts'
import { deliver, foreseen, openWorld, type Seen, type World } from './world.ts'

export type Tally = { sequences: number; steps: number; races: number }
type Move = { action: AnyAction; args: unknown }
/** `isCut`: it was answered 503 on the way, so it may have been done in part, and not been done when it came back. */
type Done = { action: AnyAction; aim: unknown; key: string; outcome: Outcome; isCut: boolean }

export class Step implements fc.AsyncCommand<Model, World> {
  readonly moves: readonly Move[]
  readonly tally: Tally
  constructor(moves: readonly Move[], tally: Tally) {
    this.moves = moves
    this.tally = tally
  }

  toString = (): string =>
    this.moves.map(({ action, args }) => `${action.name} ${fc.stringify(args)}`).join(' at the same moment as ')

  check = (model: Readonly<Model>): boolean => this.#aims(model) !== undefined

  #aims(model: Readonly<Model>): unknown[] | undefined {
    const aims = this.moves.map(({ action, args }) => action.aim(structuredClone(model) as Model, args))
    if (aims.includes(undefined)) return undefined
    const browsers = this.moves.map(({ action }, index) => action.browser?.(aims[index]) ?? `own ${index}`)
    return new Set(browsers).size === browsers.length ? aims : undefined
  }

  async run(model: Model, world: World): Promise<void> {
    const aims = this.#aims(model) ?? assert.fail('nobody can do this')
    model.count += 1
    const number = model.count
    const done = await Promise.all(
      this.moves.map(async ({ action }, index): Promise<Done> => {
        const key = `k${number}${'ab'[index]}`
        const aim = aims[index]
        const browser = action.browser && world.browser(action.browser(aim))
        const before = browser?.sentAway
        const outcome = await action.perform(world, aim, key)
        return { action, aim, key, outcome, isCut: this.moves.length > 1 && browser?.sentAway !== before }
      }),
    )
    model.now = world.now()
    const received = await world.takeLetters()
    const orders = done.length === 1 ? [done] : [done, done.toReversed()]
    const tries = chancesOf(done).flatMap((chance) => orders.map((order) => follow(model, order, chance)))
    const seen = await world.observe()
    const judged = tries.map(({ after, expected, wrong }) => {
      const letters = expected.flatMap((it) => it.letters ?? [])
      const post = deliver(after, { expected: letters, received, isRace: done.length > 1 })
      const differences = differencesOf(foreseen(after, world, seen), seen)
      return { after, read: post.read, wrong: [...wrong, ...post.wrong, ...differences] }
    })
    const said = judged.map(({ wrong }) => wrong.join('\n')).join('\nor, the other way round:\n')
    const right = judged.filter(({ wrong }) => wrong.length === 0)
    for (const [key, { path, code }] of right.flatMap(({ read }) => [...read])) {
      world.secrets.set(key, path)
      if (code !== undefined) world.digits.set(key, code)
    }
    // What a link, a code or half a login is good for may be all by which one can tell who was first.
    const chosen = right.length > 1 ? ((await firstTold(right, world)) ?? right[0]) : right[0]
    if (chosen === undefined) assert.fail(`${this}\n${said}`)
    Object.assign(model, chosen.after)
    showNewCodes(model, world)
    this.tally.steps += 1
    if (done.length > 1) this.tally.races += 1
  }
}

/** As close to the moment at which something ends nobody can say whether it has. */
const MARGIN_MS = 45_000

/** Once the code of now is taken, it gets later, until each app shows another one. */
function showNewCodes(model: Model, world: World): void {
  const isTaken = model.accounts.some(({ step }) => (step?.lastStep ?? 0) > halfMinuteOf(model))
  if (!isTaken) return
  do {
    world.app.advance(HALF_MINUTE)
    model.now = world.now()
  } while (endings(model).some((end) => Math.abs(end - model.now) < MARGIN_MS))
}

/** What may have become of two at the same moment, beside who was first. */
type Chance = {
  /** The form of a login was not even looked at, for it was of a session that had ended, or all changed under it. */
  isSkipped?: boolean
  /** A login that was sent away has ended the session of before, on its way to the second step. */
  endsOld?: boolean
  /** A login was led to the second step with a ticket that was worthless by then. */
  isTooLate?: boolean
}

function chancesOf(done: readonly Done[]): Chance[] {
  if (done.length === 1) return [{}]
  const mayBeSkipped = done.some(({ action, outcome }) => (action.isLogin || action.yields) && outcome === 'no')
  const mayEndOld = done.some(({ isCut, outcome }) => isCut && outcome === 'second step')
  const mayBeTooLate = done.some(({ outcome }) => outcome === 'second step')
  return [
    {},
    ...(mayEndOld ? [{ endsOld: true }] : []),
    ...(mayBeSkipped ? [{ isSkipped: true }] : []),
    ...(mayBeTooLate ? [{ isTooLate: true }] : []),
  ]
}

async function firstTold<Tried extends { after: Model }>(tried: readonly Tried[], world: World) {
  for (const one of tried) if ((await wrongAtTheEnd(one.after, world)).length === 0) return one
  return undefined
}

/** A login that was sent away and came back may have told the owner of a new device twice. */
function secondNotice(model: Model, key: string): Letter[] {
  const login = [...model.sessions, ...model.tickets].find((it) => it.key === key)
  const account = accountOf(model, login?.account ?? '')
  return account ? [{ ...addLink(model, account, 'not-me', { key: `${key} again` }), isOptional: true }] : []
}

/** The model after these, one after the other. */
function follow(
  model: Model,
  order: readonly Done[],
  { isSkipped = false, endsOld = false, isTooLate = false }: Chance,
): { after: Model; expected: Expected[]; wrong: string[] } {
  const after = structuredClone(model)
  const expected: Expected[] = []
  const wrong: string[] = []
  const briefly: string[] = []
  for (const { action, aim, key, outcome, isCut } of order) {
    const browser = action.browser?.(aim)
    const isStale = browser !== undefined && sessionIn(model, browser) && !sessionIn(after, browser)
    // The form was opened while the session was open, and sent when it was over: nobody is surprised that it was refused.
    if (isStale && !action.isLogin && (outcome === 'no' || action.isVain)) continue
    const isRefused = order.length > 1 && outcome === 'no'
    const maySkip = action.yields || (action.isLogin && isStale)
    if (outcome === 'nothing' || (isSkipped && isRefused && maySkip)) continue
    if (isTooLate && outcome === 'second step' && browser !== undefined) {
      leaveHalfway(after, browser, { beside: Object(aim).byApi === true })
      continue
    }
    if (endsOld && isCut && outcome === 'second step' && browser !== undefined)
      endSession(after, after.browsers[browser])
    const step = action.step(after, aim, key)
    for (const letter of expected.flatMap(({ letters = [] }) => letters)) {
      if (letter.to === step.silences) letter.isOptional = true
    }
    expected.push(step)
    if (isCut) expected.push({ outcome, letters: secondNotice(after, key) })
    if (isCut && step.outcome === 'done' && outcome === 'no') endSession(after, key)
    // Logged in, and logged out again by the other before the answer was written.
    else if (isRefused && action.isLogin && step.outcome === 'done') briefly.push(key)
    else if (step.outcome !== outcome) wrong.push(`${action.name}: ${outcome}, and should be ${step.outcome}`)
  }
  const hasEnded = (key: string) => after.sessions.some((session) => session.key === key && !isOpen(after, session))
  if (!briefly.every(hasEnded)) wrong.push('a login was refused, and should be done')
  return { after, expected, wrong }
}

const differencesOf = (foreseen: Seen, seen: Seen): string[] =>
  [...new Set([...Object.keys(foreseen), ...Object.keys(seen)])].flatMap((what) =>
    foreseen[what] === seen[what] ? [] : [`${what}: ${seen[what]}, and should be ${foreseen[what]}`],
  )

const moveOf = (actions: readonly AnyAction[]): fc.Arbitrary<Move> =>
  fc.oneof(
    ...actions.map((action) => ({
      weight: action.weight ?? 1,
      arbitrary: action.args.map((args) => ({ action, args })),
    })),
  )

/** The same in two browsers. */
const twice = (action: AnyAction): fc.Arbitrary<[Move, Move]> =>
  fc
    .tuple(moveOf([action]), browserIndex)
    .map(([move, browser]) => [move, { action, args: { ...Object(move.args), browser } }])

/** Mostly one at a time; `races` of ten steps are two at the same moment, half of them two that meet in the same rows. */
export function stepsOf(tally: Tally, { races = 2, only = '' } = {}) {
  const wanted = ACTIONS.filter(({ name }) => new RegExp(only).test(name))
  const one = moveOf(wanted).map((move) => new Step([move], tally))
  const alone = wanted.filter((action) => !action.alone)
  const any = fc.tuple(moveOf(alone), moveOf(alone))
  const rivals = RIVALS.filter((pair) => pair.every((action) => wanted.includes(action))).map(([first, second]) =>
    first === second
      ? fc.oneof(twice(first), fc.tuple(moveOf([first]), moveOf([second])))
      : fc.tuple(moveOf([first]), moveOf([second])),
  )
  const two = fc.oneof(any, ...(rivals.length > 0 ? [fc.oneof(...rivals)] : [])).map((moves) => new Step(moves, tally))
  return fc.oneof({ weight: 10 - races, arbitrary: one }, { weight: races, arbitrary: two })
}

type Options = {
  runs: number
  seed: number
  path?: string
  replay?: string
  maxSteps?: number
  races?: number
  only?: string
}

/** Runs sequences until one fails, and makes that as short as it can. */
export async function fuzz(app: TestApp, { runs, seed, path, replay, maxSteps = 40, races = 2, only = '' }: Options) {
  const tally: Tally = { sequences: 0, steps: 0, races: 0 }
  const commands = fc.commands([stepsOf(tally, { races, only })], {
    maxCommands: maxSteps,
    size: 'max',
    ...(replay === undefined ? {} : { replayPath: replay }),
  })
  // By itself fast-check prefers short sequences, in which nothing has happened yet.
  const property = fc.asyncProperty(fc.noBias(commands), async (sequence) => {
    tally.sequences += 1
    const world = await openWorld(app, `p${seed}-${tally.sequences}`)
    const model = newModel(world.now(), world.emails)
    await fc.asyncModelRun(() => ({ model, real: world }), sequence)
    await checkEnd(model, world)
    world.assertSilentLog()
  })
  const result = await fc.check(property, {
    numRuns: runs,
    seed,
    ...(path === undefined ? {} : { path, endOnFailure: false }),
  })
  return { ...tally, failure: result.failed ? explain(result) : undefined }
}

type Failure = Pick<fc.RunDetails<[unknown]>, 'seed' | 'counterexamplePath' | 'counterexample' | 'errorInstance'>

function explain({ seed, counterexamplePath, counterexample, errorInstance }: Failure): string {
  const shown = String(counterexample?.[0])
  const replay = /replayPath="([^"]*)"/.exec(shown)?.[1] ?? ''
  const why = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance)
  return [
    `After: ${shown
      .replace(/\/\*.*\*\//, '')
      .split(',k')
      .join('\n')}`,
    why,
    `Again: npm run fuzz -- --seed ${seed} --path ${counterexamplePath} --replay '${replay}'`,
  ].join('\n')
}
