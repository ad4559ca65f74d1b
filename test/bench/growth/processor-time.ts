/** How much of a core a request takes, in the server and in PostgreSQL. Unlike a rate, that hardly depends on what else runs. */
import { readFileSync } from 'node:fs'
import postgres from 'postgres'

/** `_SC_CLK_TCK` of Linux, on all of its architectures that Node runs on. */
const TICKS_PER_SECOND = 100
/** In /proc/…/stat, counted after the name in brackets: time in user mode and in the kernel. */
const [USER, KERNEL] = [11, 12]

/** In microseconds so far; undefined where there is no /proc, or where PostgreSQL is on another machine. */
export type ProcessorTime = { server: number | undefined; database: number | undefined }

/** Of the server, and of the processes that serve its connections. */
export async function processorTime(serverPid: number, databaseUrl: string): Promise<ProcessorTime> {
  const client = postgres(databaseUrl, { max: 1 })
  try {
    const rows = await client<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
    return { server: timeOf([serverPid]), database: timeOf(rows.map(({ pid }) => pid)) }
  } finally {
    await client.end({ timeout: 5 })
  }
}

function timeOf(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return sum + ((Number(fields[USER]) + Number(fields[KERNEL])) * 1_000_000) / TICKS_PER_SECOND
    }, 0)
  } catch {
    return undefined
  }
}
