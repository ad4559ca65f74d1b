/**
 * The questions of onboarding: words for people, codes for programs. Pages, drafts, the reading and writing of columns,
 * the API and the operator's report follow from this list. A new question is an entry here, a column in `sql/`, a rule in `scores.ts`.
 */

const options = <const Value extends string>(labels: Record<Value, string>) =>
  Object.entries(labels).map(([value, label]) => ({ value: value as Value, label: label as string }))

const SOFTWARE_EXPERIENCE = options({
  none: 'I am new to programming',
  beginner: 'I can write short scripts',
  intermediate: 'I build and debug programs with several files',
  advanced: 'I build software for others to use',
})

export const PROGRAMMING_LANGUAGES = options({
  python: 'Python',
  cpp: 'C++',
  c: 'C',
  csharp: 'C# (used with Unity)',
  javascript: 'JavaScript or TypeScript',
  rust: 'Rust',
  go: 'Go',
  java: 'Java',
  matlab: 'MATLAB',
  none: 'None of these yet',
})

const SKILL_LEVEL = options({
  beginner: 'None yet',
  intermediate: 'I have used ROS or a simulator, or trained a model',
  advanced: 'I have built or deployed a robot system',
})

export const HARDWARE_ACCESS = options({
  laptop_cpu: 'Laptop or desktop without an NVIDIA RTX card',
  rtx_8gb: 'RTX card, 8 to 11 GB (for example RTX 4060)',
  rtx_12gb: 'RTX card, 12 to 23 GB (for example RTX 4070 Ti)',
  rtx_24gb: 'RTX card, 24 GB or more (for example RTX 4090)',
  cloud_gpu: 'Rented cloud GPU (for example AWS g5.2xlarge)',
  jetson_orin: 'NVIDIA Jetson Orin Nano or NX',
  raspberry_pi: 'Raspberry Pi',
  depth_camera: 'Depth camera (for example RealSense D435i)',
  microphone: 'USB microphone or array',
  robot_proxy: 'Robot dog, arm or wheeled robot (for example Unitree Go2)',
  robot_humanoid_mini: 'Table-top humanoid (for example TonyPi)',
  robot_humanoid: 'Full-size humanoid (for example Unitree G1)',
  none: 'None of these, I will read along',
})

export const PRIMARY_FOCUS = options({
  ros2: 'Controlling robots with ROS 2',
  simulation: 'Simulation with Gazebo and Unity',
  isaac: 'NVIDIA Isaac',
  perception: 'Perception and mapping',
  humanoid: 'Walking, balance and grasping',
  vla: 'Voice, language and action (VLA)',
  edge: 'Running AI on a Jetson or real robot',
  balanced: 'I am not sure, show me the whole course',
})

export const PROJECT_GOALS = options({
  autonomous_robot: 'Build an autonomous robot',
  ros2: 'Master ROS 2',
  ai_robotics: 'Use AI and machine learning in robots',
  simulation: 'Create simulations',
  nvidia_isaac: 'Work with NVIDIA Isaac',
  humanoid: 'Develop humanoid robots',
  research: 'Research embodied AI',
  career: 'Move into a robotics career',
  coursework: 'Finish the course and capstone',
})

/** The option that cannot be combined with others. */
export const NONE = 'none'

type Text = { name: string; label: string; maxLength: number }

type Entry = {
  /** The last part of the page's address. */
  slug: string
  /** The name of the answer in forms, drafts, the API and copies of data. The column has the same name in snake_case. */
  name: string
  legend: string
  hint: string
  /** What the answer is called in lists and links. */
  topic: string
  /** Whether one option may be selected, or several. */
  kind: 'one' | 'many'
  options: readonly { value: string; label: string }[]
  messages: { empty: string; contradiction?: string }
  /** A field for free text beside the options. */
  text?: Text
}

/** In the order of the pages. */
const ENTRIES = [
  {
    slug: 'programming',
    name: 'softwareExperience',
    legend: 'How much programming have you done?',
    hint: 'We use this to judge how much code a lesson expects.',
    topic: 'Programming',
    kind: 'one',
    options: SOFTWARE_EXPERIENCE,
    messages: { empty: 'Select how much programming you have done' },
  },
  {
    slug: 'languages',
    name: 'programmingLanguages',
    legend: 'Which languages can you use?',
    hint: 'Most lessons use Python. Select all that apply.',
    topic: 'Languages',
    kind: 'many',
    options: PROGRAMMING_LANGUAGES,
    messages: {
      empty: 'Select the languages you can use, or select “None of these yet”',
      contradiction: 'Select the languages you can use, or select “None of these yet”',
    },
  },
  {
    slug: 'robotics',
    name: 'skillLevel',
    legend: 'How much robotics or AI have you done?',
    hint: 'We use this to set the starting point.',
    topic: 'Robotics and AI',
    kind: 'one',
    options: SKILL_LEVEL,
    messages: { empty: 'Select how much robotics or AI you have done' },
  },
  {
    slug: 'equipment',
    name: 'hardwareAccess',
    legend: 'What equipment can you use?',
    hint: 'Some labs need a graphics card or a robot; every lesson can be read without them. Select all that apply.',
    topic: 'Equipment',
    kind: 'many',
    options: HARDWARE_ACCESS,
    messages: {
      empty: 'Select the equipment you can use, or select “None of these, I will read along”',
      contradiction: 'Select the equipment you can use, or select “None of these, I will read along”',
    },
  },
  {
    slug: 'focus',
    name: 'primaryFocus',
    legend: 'What do you most want to learn?',
    hint: 'Lessons about it, and those that lead to it, come first.',
    topic: 'Focus',
    kind: 'one',
    options: PRIMARY_FOCUS,
    messages: { empty: 'Select what you most want to learn' },
  },
  {
    slug: 'goals',
    name: 'projectGoals',
    legend: 'What would you like to achieve?',
    hint: 'Lessons that help with it are suggested sooner. Select all that apply.',
    topic: 'Goals',
    kind: 'many',
    options: PROJECT_GOALS,
    messages: { empty: 'Select what you would like to achieve, or skip this question' },
    text: { name: 'projectGoalsText', label: 'Tell us more', maxLength: 500 },
  },
] as const satisfies readonly Entry[]

type Listed = (typeof ENTRIES)[number]
type WithText = Extract<Listed, { text: Text }>
type ValueOf<Question extends Listed> = Question['options'][number]['value']

/** All answers. A question that was skipped is null, or an empty list. */
export type Answers = {
  [Question in Listed as Question['name']]: Question['kind'] extends 'one'
    ? ValueOf<Question> | null
    : ValueOf<Question>[]
} & { [Question in WithText as Question['text']['name']]: string | null }

export type Question = Omit<Entry, 'name' | 'text'> & {
  name: Listed['name']
  text?: Text & { name: WithText['text']['name'] }
}

export const QUESTIONS: readonly Question[] = ENTRIES

/** The answers that a question asks for: the one to its options, and the text beside them. */
export const fieldsOf = ({ name, kind, text }: Question): { name: keyof Answers; kind: Question['kind'] }[] => [
  { name, kind },
  ...(text ? [{ name: text.name, kind: 'one' as const }] : []),
]
