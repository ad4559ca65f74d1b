/** The figures of a rehearsal, which `npm run rehearse` prints. Among the other tests they would only be noise. */
export const isRehearsal = process.env.REHEARSAL !== undefined

export function sayTable(title: string, rows: readonly (readonly [string, number | string])[]): void {
  if (!isRehearsal) return
  const width = Math.max(...rows.map(([name]) => name.length))
  console.log([`\n${title}`, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`), ''].join('\n'))
}
