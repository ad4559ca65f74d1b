/** One thing that people do, in the app and in the model. A new feature adds its own to the list in `actions.ts`. */
import type fc from 'fast-check'
import type { Expected, Model, Outcome } from './model.ts'
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
  /** How often it is chosen; 1 if not said. */
  weight?: number
}

/** Lets actions with different arguments stand in one list. */
export type AnyAction = Action<unknown, unknown>
export const action = <Args, Aim>(given: Action<Args, Aim>): AnyAction => given as unknown as AnyAction

export const pick = <Item>(items: readonly Item[], index: number): Item | undefined => items[index % items.length]
