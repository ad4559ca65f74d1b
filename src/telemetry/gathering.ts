/**
 * Several workers, one answer: the one that is asked for the metrics asks the others through the primary, which knows them
 * all. So it does not matter which of them a connection reaches.
 */
import cluster, { type Worker } from 'node:cluster'
import { Unavailable } from '../base/failures.ts'
import type { Metrics, Readings } from './metrics.ts'

/** Whoever scrapes waits 10 seconds as a rule. */
const PATIENCE_MS = 5_000

/** From a worker to the primary and from there to another one. `asker` is the id of the worker that wants to know. */
export type MetricsNews =
  | { is: 'metrics-wanted'; asker: number; question: number }
  | { is: 'metrics-read'; asker: number; question: number; readings: Readings }
  | { is: 'metrics-asked'; question: number; others: number }

export const isMetricsNews = (message: { is: string }): message is MetricsNews => message.is.startsWith('metrics-')

/** The primary's part: passes a question on to all others, and each answer back. */
export function passOn(from: Worker, message: MetricsNews, workers: Iterable<Worker>): void {
  const all = [...workers].filter((worker) => worker.isConnected())
  const tell = (worker: Worker | undefined, news: MetricsNews) => worker?.send(news, undefined, undefined, () => {})
  if (message.is === 'metrics-wanted') {
    const others = all.filter((worker) => worker !== from)
    tell(from, { is: 'metrics-asked', question: message.question, others: others.length })
    for (const other of others) tell(other, { ...message, asker: from.id })
  } else if (message.is === 'metrics-read') {
    tell(
      all.find(({ id }) => id === message.asker),
      message,
    )
  }
}

type Question = { expected: number | undefined; answers: Readings[]; settle: (answers: Readings[]) => void }

/** A worker's part: answers what others ask, and adds their readings to its own. */
export function gatherInWorker(metrics: Metrics): void {
  const questions = new Map<number, Question>()
  let last = 0
  const say = (news: MetricsNews) => {
    if (process.connected) process.send?.(news, undefined, {}, () => {})
  }
  const check = ({ expected, answers, settle }: Question) => {
    if (answers.length === expected) settle(answers)
  }

  process.on('message', (message: MetricsNews) => {
    const question = 'question' in message ? questions.get(message.question) : undefined
    if (message.is === 'metrics-wanted') {
      const { asker, question: number } = message
      metrics.readings().then(
        (readings) => say({ is: 'metrics-read', asker, question: number, readings }),
        () => {},
      )
    } else if (message.is === 'metrics-asked' && question) {
      question.expected = message.others
      check(question)
    } else if (message.is === 'metrics-read' && question) {
      question.answers.push(message.readings)
      check(question)
    }
  })

  metrics.addTo(async () => {
    last += 1
    const number = last
    try {
      return await new Promise<Readings[]>((resolve, reject) => {
        // Less than all would look as if counters had been set back, and rates would leap.
        const giveUp = () => reject(new Unavailable('a worker did not tell its metrics'))
        const timer = setTimeout(giveUp, PATIENCE_MS)
        const settle = (answers: Readings[]) => {
          clearTimeout(timer)
          resolve(answers)
        }
        questions.set(number, { expected: undefined, answers: [], settle })
        say({ is: 'metrics-wanted', asker: cluster.worker?.id ?? 0, question: number })
      })
    } finally {
      questions.delete(number)
    }
  })
}
