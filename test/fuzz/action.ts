/** One thing that people do, in the app and in the model. A new feature adds its own to the list in `actions.ts`. */
import type fc from 'fast-check'
import { BROWSERS, type Expected, type Model, type Outcome } from './model.ts'
import type { World } from './world.ts'

export type Action<Args = never, Aim = Args> = {
  name: string
  args: fc.Arbitrary<Args>
  /** Whom and what it is about, or undefined while nobody could do it. */
  aim: (model: Model, args: Args) => Aim | undefined
  /** What must come of it. Changes the model; `key` names what it makes. */
  step: (model: Model, aim: Aim, key: string) => Expected
  perform: (world: World, aim: Aim, key: string) => Promise<Outcome>
  /** The browser that it changes. Two people never share one, though they may share a session. */
  browser?: (aim: Aim) => number
  /** Not for races: it takes longer than a moment. */
  alone?: boolean
  /** Whether its answer promises nothing to somebody whose session ends meanwhile: they may read “done” and nothing is. */
  isVain?: boolean
  /** Whether it may be refused because what it needs changes at this very moment, though either order would let it. */
  yields?: boolean
  /** A way in: it means the same whoever's session is in the browser. */
  isLogin?: boolean
  /** How often it is chosen; 1 if not said. */
  weight?: number
}

/** Lets actions with different arguments stand in one list. */
export type AnyAction = Action<unknown, unknown>
export const action = <Args, Aim>(given: Action<Args, Aim>): AnyAction => given as unknown as AnyAction

export const pick = <Item>(items: readonly Item[], index: number): Item | undefined => items[index % items.length]

/** One of the browsers of which this is true. */
export const browserWith = (index: number, isSo: (browser: number) => boolean): number | undefined =>
  pick(
    Array.from({ length: BROWSERS }, (_, browser) => browser).filter((browser) => isSo(browser)),
    index,
  )
