/** The lessons of the course. They are checked when they are loaded, so a mistake in the data stops the start. */
import { z } from 'zod'
import data from './catalogue.json' with { type: 'json' }
import { PRIMARY_FOCUS, PROGRAMMING_LANGUAGES, PROJECT_GOALS } from './questions.ts'

const oneOf = <Value extends string>(options: readonly { value: Value }[]) =>
  z.enum(options.map(({ value }) => value) as [Value, ...Value[]])

/** The parts of the course, in order. Each is a line on the map. */
export const MODULES = {
  foundations: 'Foundations',
  ros2: 'The robotic nervous system: ROS 2',
  simulation: 'The digital twin: Gazebo and Unity',
  isaac: 'The AI-robot brain: NVIDIA Isaac',
  edge: 'The edge kit',
  humanoid: 'Humanoid development',
  vla: 'Vision, language and action',
  capstone: 'Capstone',
} as const

export type Module = keyof typeof MODULES

const Equipment = z.enum(['ros2_host', 'sim_host', 'rtx', 'jetson', 'robot', 'depth_camera', 'microphone'])
export type Equipment = z.output<typeof Equipment>

export const SIZES = ['S', 'M', 'L'] as const
export type Size = (typeof SIZES)[number]

const LessonData = z.strictObject({
  id: z.string().regex(/^[a-z]\d{1,2}$/),
  order: z.int(),
  title: z.string().min(1),
  /** What one is able to do afterwards: one sentence. */
  outcome: z.string().regex(/^[A-Z].*\.$/),
  module: z.enum(Object.keys(MODULES) as [Module, ...Module[]]),
  weeks: z.string(),
  /** How much time it takes, by our estimate: no source states it. */
  size: z.enum(SIZES),
  level: z.int().min(1).max(3),
  coding: z.int().min(0).max(3),
  languagesAny: z.array(oneOf(PROGRAMMING_LANGUAGES)),
  hardware: z.array(Equipment),
  hardwareOptional: z.array(Equipment),
  focus: z.array(oneOf(PRIMARY_FOCUS)),
  goals: z.array(oneOf(PROJECT_GOALS)),
  prereqs: z.array(z.string()),
  /** Only practical work: without the equipment there is nothing to read. */
  labOnly: z.boolean().default(false),
})

export type Lesson = z.output<typeof LessonData> & {
  /** The ids of all lessons that must come before it, directly or through others. */
  before: ReadonlySet<string>
}
export type Catalogue = { version: number; lessons: readonly Lesson[]; byId: ReadonlyMap<string, Lesson> }

/**
 * The catalogue, in the order of the course.
 * @throws when an id is used twice, a prerequisite does not exist, or lessons require each other.
 */
export function loadCatalogue(source: unknown = data): Catalogue {
  const { version, items } = z.object({ version: z.int(), items: z.array(z.looseObject({})) }).parse(source)
  const read = items.map(lessonData).sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
  const prereqs = new Map<string, readonly string[]>()
  for (const lesson of read) {
    if (prereqs.has(lesson.id)) throw new Error(`The catalogue has two lessons of the id ${lesson.id}`)
    prereqs.set(lesson.id, lesson.prereqs)
  }
  const lessons = read.map((lesson) => {
    const missing = lesson.prereqs.filter((id) => !prereqs.has(id))
    if (missing.length > 0) {
      throw new Error(`Lesson ${lesson.id} requires ${missing.join(', ')}, which the catalogue lacks`)
    }
    const before = allBefore(lesson.id, prereqs)
    if (before.has(lesson.id)) throw new Error(`Lesson ${lesson.id} requires itself`)
    return { ...lesson, before }
  })
  return { version, lessons, byId: new Map(lessons.map((lesson) => [lesson.id, lesson])) }
}

/** @throws with the id of the lesson and the wrong value, so that the author finds it. */
function lessonData(item: Record<string, unknown>): z.output<typeof LessonData> {
  const { error, data } = LessonData.safeParse(item, { reportInput: true })
  if (data) return data
  const problems = error.issues.map(
    ({ path, message, input }) => `${path.join('.')} ${JSON.stringify(input)}: ${message}`,
  )
  throw new Error(`Lesson ${item.id}: ${problems.join('; ')}`)
}

function allBefore(id: string, prereqs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>()
  const waiting = [...(prereqs.get(id) ?? [])]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue
    found.add(next)
    waiting.push(...(prereqs.get(next) ?? []))
  }
  return found
}

export const CATALOGUE = loadCatalogue()
