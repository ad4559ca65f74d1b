/** `npm run -s ledger`: writes docs/threats.md anew, from the titles of the tests as they are. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'
import { gapsIn, pageOf } from './ledger.ts'
import { REASONS } from './reasons.ts'
import { readSections } from './rows.ts'
import { readTags } from './tags.ts'

const ledger = { sections: readSections(), tags: readTags(), reasons: REASONS }
writeFileSync(join(ROOT, 'docs/threats.md'), pageOf(ledger))
for (const gap of gapsIn(ledger)) console.error(gap)
