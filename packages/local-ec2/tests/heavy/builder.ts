// Builds the smallest Debian there is, as a process of its own: prints `built` when it is there.
import { bootstrap, recipeOf } from '../../src/machine/bootstrap.ts'

const [finished = '', codename = '', ...lines] = process.argv.slice(2)
const recipe = recipeOf(
  { codename, lines, archive: ['deb http://archive.test/debian stable main'] },
  [],
)
await bootstrap(finished, recipe, new AbortController().signal)
process.stdout.write('built\n')
