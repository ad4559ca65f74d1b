/**
 * `npm run rehearse`: the tests of `test/operations/rehearsals` with more people and with their figures. Names select some:
 * `npm run rehearse -- restore promotion`. Each begins anew and leaves nothing behind.
 */
const FOLDER = 'test/operations/rehearsals/'

process.env.REHEARSAL = 'full'
const names = process.argv.slice(2)
const wanted = names.length > 0 ? names.map((name) => FOLDER + name) : [FOLDER]
process.argv.splice(2, process.argv.length, ...wanted)
await import('../run.ts')
