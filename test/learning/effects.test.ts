/** What each answer does to a lesson, in points and in words: the table of the model, row by row. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answers } from '../../src/learning/answers.ts'
import { adviceOn } from '../support/profiles.ts'

/** The points are for focus, goals, level, programming, languages and equipment, where there are any. */
type Row = [what: string, lesson: string, given: Partial<Answers>, points: number[], said: string | null]

const NEW_TO_ALL = -15 - 10 - 20
/** With a lab that needs a card, which counts for more. */
const NEW_TO_ISAAC = -15 - 10 - 30
const A_LITTLE_MORE = '! A little more programming than you told us'
const MUCH_MORE = '! Expects more programming than you told us'
const OWN = 'You have what the lab needs'

const ROWS: Record<string, Row[]> = {
  focus: [
    ['about it', 'c1', { primaryFocus: 'vla' }, [30, 8, NEW_TO_ALL], 'Part of your focus: Voice, language and action'],
    ['leads to it', 'v1', { primaryFocus: 'isaac' }, [18, 8, NEW_TO_ALL], 'Leads to your focus: NVIDIA Isaac'],
    [
      'leads to it from afar',
      'f1',
      { primaryFocus: 'edge' },
      [18, 20, 8],
      'Leads to your focus: Running AI on a Jetson or real robot',
    ],
    ['neither', 'c1', { primaryFocus: 'ros2' }, [0, 8, NEW_TO_ALL], null],
    ['follows it', 'x1', { primaryFocus: 'ros2' }, [0, -25, NEW_TO_ALL], null],
    ['balanced', 'c1', { primaryFocus: 'balanced' }, [15, 8, NEW_TO_ALL], 'Part of the whole course'],
    [
      'balanced, and the end of it all',
      'x1',
      { primaryFocus: 'balanced' },
      [0, -25, NEW_TO_ALL],
      'Brings the whole course together',
    ],
    ['skipped', 'f1', {}, [15, 20, 8], 'Part of the whole course'],
  ],
  goals: [
    ['none', 'f1', { projectGoals: [] }, [15, 0, 20, 8], null],
    ['no match', 'f1', { projectGoals: ['simulation', 'ros2'] }, [15, 0, 20, 8], null],
    [
      'one match',
      'f1',
      { projectGoals: ['career', 'ros2'] },
      [15, 10, 20, 8],
      'Helps with: Move into a robotics career',
    ],
    [
      'two matches',
      'f1',
      { projectGoals: ['humanoid', 'career'] },
      [15, 20, 20, 8],
      'Helps with: Develop humanoid robots; Helps with: Move into a robotics career',
    ],
    [
      'three matches count as two',
      'f1',
      { projectGoals: ['humanoid', 'research', 'career'] },
      [15, 20, 20, 8],
      'Helps with: Develop humanoid robots; Helps with: Research embodied AI; Helps with: Move into a robotics career',
    ],
  ],
  level: [
    ['the same', 'f1', { skillLevel: 'beginner' }, [15, 20, 8], 'Right for your level'],
    ['skipped', 'f1', {}, [15, 20, 8], 'Right for your level'],
    ['one above', 'r4', { skillLevel: 'beginner' }, [15, 8, NEW_TO_ALL], 'A stretch from where you are'],
    ['two above', 'i6', { skillLevel: 'beginner' }, [15, -25, NEW_TO_ISAAC], '! Far above the level you told us'],
    ['one below', 'f1', { skillLevel: 'intermediate' }, [15, 5, 8], 'You may know some of this'],
    ['the same', 'r4', { skillLevel: 'intermediate' }, [15, 20, NEW_TO_ALL], 'Right for your level'],
    ['one above', 'i6', { skillLevel: 'intermediate' }, [15, 8, NEW_TO_ISAAC], 'A stretch from where you are'],
    ['two below', 'f1', { skillLevel: 'advanced' }, [15, -10, 8], '! You may know all of this'],
    ['one below', 'r4', { skillLevel: 'advanced' }, [15, 5, NEW_TO_ALL], 'You may know some of this'],
    ['the same', 'i6', { skillLevel: 'advanced' }, [15, 20, NEW_TO_ISAAC], 'Right for your level'],
  ],
  coding: [
    ['none needed', 'f1', { softwareExperience: 'none' }, [15, 20, 8], 'Needs no programming'],
    ['one above', 'r5', { softwareExperience: 'none' }, [15, 8, 0, -20], A_LITTLE_MORE],
    ['two above', 'r4', { softwareExperience: 'none' }, [15, 8, -15, -10, -20], MUCH_MORE],
    ['two above', 'r4', {}, [15, 8, -15, -10, -20], MUCH_MORE],
    ['three above', 'i6', { softwareExperience: 'none' }, [15, -25, -15, -10, -30], MUCH_MORE],
    ['the same', 'r5', { softwareExperience: 'beginner' }, [15, 8, 8, -20], 'The programming is within your reach'],
    ['one above', 'r4', { softwareExperience: 'beginner' }, [15, 8, 0, -10, -20], A_LITTLE_MORE],
    ['two above', 'i6', { softwareExperience: 'beginner' }, [15, -25, -15, -10, -30], MUCH_MORE],
    ['one above', 'i6', { softwareExperience: 'intermediate' }, [15, -25, 0, -10, -30], A_LITTLE_MORE],
    [
      'the same',
      'i6',
      { softwareExperience: 'advanced' },
      [15, -25, 8, -10, -30],
      'The programming is within your reach',
    ],
    ['none needed', 'f1', { softwareExperience: 'advanced' }, [15, 20, 8], 'Needs no programming'],
  ],
  languages: [
    ['none needed', 'r5', { programmingLanguages: ['rust'] }, [15, 8, 0, 0, -20], null],
    ['known', 'r4', { programmingLanguages: ['python'] }, [15, 8, -15, 8, -20], 'Uses Python, which you know'],
    ['one of two known', 'r2', { programmingLanguages: ['cpp'] }, [15, 20, 0, 8, -20], 'Uses C++, which you know'],
    [
      'both known count once',
      'r2',
      { programmingLanguages: ['python', 'cpp'] },
      [15, 20, 0, 8, -20],
      'Uses Python, which you know',
    ],
    [
      'one of three known',
      'h1',
      { programmingLanguages: ['matlab'] },
      [15, 8, -15, 8, -20],
      'Uses MATLAB, which you know',
    ],
    ['C# for Unity', 's7', { programmingLanguages: ['csharp'] }, [15, 8, -15, 8, -20], 'Uses C#, which you know'],
    [
      'not known',
      's7',
      { programmingLanguages: ['c', 'python'] },
      [15, 8, -15, -10, -20],
      '! Uses C#, which you did not list',
    ],
    [
      'none of them',
      'r4',
      { programmingLanguages: ['none'] },
      [15, 8, -15, -10, -20],
      '! Uses Python, which you did not list',
    ],
    ['skipped', 'r4', {}, [15, 8, -15, -10, -20], '! Uses Python, which you did not list'],
  ],
  equipment: [
    ['none needed', 'f1', { hardwareAccess: ['none'] }, [15, 20, 8, 0], null],
    ['own', 'r4', { hardwareAccess: ['laptop_cpu'] }, [15, 8, -15, -10, 8], OWN],
    [
      'own of two kinds counts once',
      'r4',
      { hardwareAccess: ['laptop_cpu', 'jetson_orin'] },
      [15, 8, -15, -10, 8],
      OWN,
    ],
    [
      'missing',
      'r4',
      { hardwareAccess: ['microphone'] },
      [15, 8, -15, -10, -20],
      '! Read only for now: the lab needs a computer that runs ROS 2',
    ],
    [
      'missing',
      's1',
      { hardwareAccess: ['raspberry_pi'] },
      [15, 20, 0, -20],
      '! Read only for now: the lab needs a computer that runs Gazebo',
    ],
    [
      'missing',
      'i7',
      { hardwareAccess: ['none'] },
      [15, -25, -15, -10, -30],
      '! Read only for now: the lab needs a Jetson',
    ],
    ['missing', 'i1', {}, [15, 8, 0, -10, -30], '! Read only for now: the lab needs an RTX graphics card'],
    [
      'rented',
      'i1',
      { hardwareAccess: ['cloud_gpu'] },
      [15, 8, 0, -10, 3],
      'Your cloud GPU can run the lab; ! The lab needs an RTX graphics card: about $1.50 an hour in the cloud',
    ],
    ['own and rented', 'i1', { hardwareAccess: ['rtx_12gb', 'cloud_gpu'] }, [15, 8, 0, -10, 8], OWN],
    [
      'own, but small',
      'i1',
      { hardwareAccess: ['rtx_8gb'] },
      [15, 8, 0, -10, 8],
      'You have what the lab needs; ! With 8 GB the lab runs small scenes only; 12 GB is better',
    ],
    ['extra', 'f2', { hardwareAccess: ['depth_camera'] }, [15, 20, 8, 4], 'You can use a depth camera with it'],
    [
      'own and extra, of which two count once',
      'i3',
      { hardwareAccess: ['rtx_24gb', 'jetson_orin', 'depth_camera'] },
      [15, -25, -15, -10, 8, 4],
      'You have what the lab needs; You can use a depth camera with it',
    ],
    [
      'extra without what the lab needs',
      'h3',
      { hardwareAccess: ['robot_proxy'] },
      [15, -25, -15, -10, -20, 4],
      'You can use a robot with it; ! Read only for now: the lab needs a computer that runs Gazebo',
    ],
    ['rented is no extra', 's7', { hardwareAccess: ['cloud_gpu'] }, [15, 8, -15, -10, 8], OWN],
  ],
}

for (const [prefix, rows] of Object.entries(ROWS)) {
  describe(`the effect of ${prefix}`, () => {
    for (const [what, lesson, given, points, said] of rows) {
      it(`is as the model says: ${what}, ${lesson} with ${Object.values(given).join(' ') || 'no answer'}`, () => {
        const { score, reasons, cautions } = adviceOn(lesson, given)
        assert.equal(
          score,
          points.reduce((sum, one) => sum + one, 0),
        )
        const own = ({ code }: { code: string }) => code.startsWith(`${prefix}.`)
        const words = [
          ...reasons.filter(own).map(({ text }) => text),
          ...cautions.filter(own).map(({ text }) => `! ${text}`),
        ]
        assert.equal(words.join('; ') || null, said)
      })
    }
  })
}
