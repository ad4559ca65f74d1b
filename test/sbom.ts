/** `npm run -s sbom > sbom.json`: every package that a server runs, with version, hash and licence, in CycloneDX. */
import { billOfMaterials } from './support/runtime-packages.ts'

process.stdout.write(billOfMaterials())
