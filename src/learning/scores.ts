/** What each answer adds to the score of a lesson, and the words for it. One function for each answer. */
import type { Answers } from './answers.ts'
import type { Catalogue, Equipment, Lesson } from './catalogue.ts'
import { PRIMARY_FOCUS, PROGRAMMING_LANGUAGES, PROJECT_GOALS } from './questions.ts'

/** The first part of the code names the answer that the reason comes from, or is `course` if it comes from none. */
export type Reason = { code: string; text: string }

type Part = { score: number; reason?: Reason; caution?: Reason }

const labelOf = (options: readonly { value: string; label: string }[], value: string): string =>
  options.find((option) => option.value === value)?.label ?? value

/** The label without a note like “(used with Unity)”, which is only for the form. */
const nameOf = (label: string): string => label.replace(/ \(.*\)$/, '')

/** What finished lessons show that a learner can do by now, beyond what they told: see `grownBy`. */
export type Grown = { level: number; coding: number }

export const NOT_GROWN: Grown = { level: 0, coding: 0 }
const LESSONS_TO_GROW = 5

/** After five lessons of a level, or of a measure of programming, the next ones are no longer too far away. */
export function grownBy(finished: readonly Lesson[]): Grown {
  const reached = (measures: readonly number[]) => measures.toSorted((a, b) => b - a)[LESSONS_TO_GROW - 1] ?? 0
  return { level: reached(finished.map(({ level }) => level)), coding: reached(finished.map(({ coding }) => coding)) }
}

/** How well a lesson suits the answers, and the words for it. The strongest reason comes first. */
export function judge(lesson: Lesson, catalogue: Catalogue, answers: Answers, grown: Grown = NOT_GROWN) {
  const parts = [
    byFocus(lesson, catalogue, answers),
    ...byGoals(lesson, answers),
    byLevel(lesson, answers, grown),
    byCoding(lesson, answers, grown),
    byLanguage(lesson, answers),
    ...byEquipment(lesson, answers),
  ]
  const strongestFirst = parts.toSorted((one, other) => other.score - one.score)
  const reasons = strongestFirst.flatMap(({ reason }) => reason ?? [])
  return {
    score: parts.reduce((sum, part) => sum + part.score, 0),
    reasons: reasons.length > 0 ? reasons : [{ code: 'course.next', text: 'Comes next in the course' }],
    cautions: parts.flatMap(({ caution }) => caution ?? []),
  }
}

function byFocus(lesson: Lesson, { lessons }: Catalogue, { primaryFocus }: Answers): Part {
  if (primaryFocus === null || primaryFocus === 'balanced') {
    // Whoever wants the whole course comes to its end last.
    if (lesson.module === 'capstone') {
      return { score: 0, reason: { code: 'focus.end', text: 'Brings the whole course together' } }
    }
    return { score: 15, reason: { code: 'focus.balanced', text: 'Part of the whole course' } }
  }
  const focus = nameOf(labelOf(PRIMARY_FOCUS, primaryFocus))
  if (lesson.focus.includes(primaryFocus)) {
    return { score: 30, reason: { code: 'focus.about', text: `Part of your focus: ${focus}` } }
  }
  const leads = lessons.some(({ focus, before }) => focus.includes(primaryFocus) && before.has(lesson.id))
  return leads ? { score: 18, reason: { code: 'focus.leads', text: `Leads to your focus: ${focus}` } } : { score: 0 }
}

const GOAL_SCORE = 10
const GOALS_COUNTED = 2

function byGoals(lesson: Lesson, { projectGoals }: Answers): Part[] {
  return projectGoals
    .filter((goal) => lesson.goals.includes(goal))
    .map((goal, index) => ({
      score: index < GOALS_COUNTED ? GOAL_SCORE : 0,
      reason: { code: `goals.${goal}`, text: `Helps with: ${labelOf(PROJECT_GOALS, goal)}` },
    }))
}

/** How far a lesson lies above what was told or has grown since. What lies below is measured by what was told alone. */
const aboveOf = (measure: number, told: number, grown: number): number =>
  measure <= told ? measure - told : Math.max(0, measure - Math.max(told, grown))

const LEVELS = { beginner: 1, intermediate: 2, advanced: 3 } as const

function byLevel({ level }: Lesson, { skillLevel }: Answers, grown: Grown): Part {
  const above = aboveOf(level, LEVELS[skillLevel ?? 'beginner'], grown.level)
  if (above === 0) return { score: 20, reason: { code: 'level.same', text: 'Right for your level' } }
  if (above === 1) return { score: 8, reason: { code: 'level.stretch', text: 'A stretch from where you are' } }
  if (above > 1) return { score: -25, caution: { code: 'level.far', text: 'Far above the level you told us' } }
  if (above === -1) return { score: 5, reason: { code: 'level.below', text: 'You may know some of this' } }
  return { score: -10, caution: { code: 'level.known', text: 'You may know all of this' } }
}

const REACH = { none: 0, beginner: 1, intermediate: 2, advanced: 3 } as const

function byCoding({ coding }: Lesson, { softwareExperience }: Answers, grown: Grown): Part {
  const above = aboveOf(coding, REACH[softwareExperience ?? 'none'], grown.coding)
  if (above <= 0) {
    const text = coding === 0 ? 'Needs no programming' : 'The programming is within your reach'
    return { score: 8, reason: { code: 'coding.within', text } }
  }
  if (above === 1)
    return { score: 0, caution: { code: 'coding.above', text: 'A little more programming than you told us' } }
  return { score: -15, caution: { code: 'coding.far', text: 'Expects more programming than you told us' } }
}

function byLanguage({ languagesAny }: Lesson, { programmingLanguages }: Answers): Part {
  const [first] = languagesAny
  if (first === undefined) return { score: 0 }
  const spoken = languagesAny.find((language) => programmingLanguages.includes(language))
  const name = nameOf(labelOf(PROGRAMMING_LANGUAGES, spoken ?? first))
  if (spoken) return { score: 8, reason: { code: 'languages.known', text: `Uses ${name}, which you know` } }
  return { score: -10, caution: { code: 'languages.unknown', text: `Uses ${name}, which you did not list` } }
}

const RTX = ['rtx_8gb', 'rtx_12gb', 'rtx_24gb'] as const
const ROBOTS = ['robot_proxy', 'robot_humanoid_mini', 'robot_humanoid'] as const

type Device = Answers['hardwareAccess'][number]

/** Which devices fulfil a need. Rented ones are a separate case below. */
const SERVES: Record<Equipment, readonly Device[]> = {
  ros2_host: ['laptop_cpu', ...RTX, 'cloud_gpu', 'jetson_orin', 'raspberry_pi'],
  sim_host: ['laptop_cpu', ...RTX, 'cloud_gpu'],
  rtx: RTX,
  jetson: ['jetson_orin'],
  robot: ROBOTS,
  depth_camera: ['depth_camera'],
  microphone: ['microphone'],
}

export const EQUIPMENT_NAMES: Record<Equipment, string> = {
  ros2_host: 'a computer that runs ROS 2',
  sim_host: 'a computer that runs Gazebo',
  rtx: 'an RTX graphics card',
  jetson: 'a Jetson',
  robot: 'a robot',
  depth_camera: 'a depth camera',
  microphone: 'a microphone',
}

/** Other than a computer for ROS 2, which many have or can borrow, these have to be bought for the course. */
const BOUGHT: readonly Equipment[] = ['rtx', 'jetson']

export const hasEquipment = ({ hardwareAccess }: Answers, need: Equipment): boolean =>
  SERVES[need].some((device) => hardwareAccess.includes(device))

function byEquipment(lesson: Lesson, answers: Answers): Part[] {
  const { hardwareAccess } = answers
  const rents = hardwareAccess.includes('cloud_gpu')
  const parts = lesson.hardware.map((need): Part => {
    if (hasEquipment(answers, need)) {
      const small = need === 'rtx' && !hardwareAccess.some((device) => device === 'rtx_12gb' || device === 'rtx_24gb')
      return {
        score: 8,
        reason: { code: `equipment.${need}`, text: 'You have what the lab needs' },
        ...(small
          ? { caution: { code: 'equipment.small', text: 'With 8 GB the lab runs small scenes only; 12 GB is better' } }
          : {}),
      }
    }
    if (need === 'rtx' && rents) {
      const text = 'The lab needs an RTX graphics card: about $1.50 an hour in the cloud'
      return {
        score: 3,
        reason: { code: 'equipment.rented', text: 'Your cloud GPU can run the lab' },
        caution: { code: 'equipment.price', text },
      }
    }
    const text = `Read only for now: the lab needs ${EQUIPMENT_NAMES[need]}`
    return { score: BOUGHT.includes(need) ? -30 : -20, caution: { code: `equipment.lacks_${need}`, text } }
  })
  const extra = lesson.hardwareOptional.find((need) => hasEquipment(answers, need))
  if (extra)
    parts.push({
      score: 4,
      reason: { code: `equipment.extra_${extra}`, text: `You can use ${EQUIPMENT_NAMES[extra]} with it` },
    })
  // Known from practice: a robot that is controlled over the internet falls before the answer arrives.
  const movesRobot =
    [...lesson.hardware, ...lesson.hardwareOptional].includes('robot') && hasEquipment(answers, 'robot')
  if (movesRobot && rents && !hasEquipment(answers, 'rtx')) {
    const text = 'Never drive a real robot from the cloud. Train in the cloud, run on the Jetson'
    parts.push({ score: 0, caution: { code: 'equipment.latency', text } })
  }
  return parts
}
