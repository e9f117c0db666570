// Builds a Debian of one package, as a process of its own: prints `built` when it is there.
import { bootstrap, recipeOf } from '../../src/machine/bootstrap.ts'

const [finished = '', codename = '', ...lines] = process.argv.slice(2)
const recipe = recipeOf(
  { codename, lines, archive: ['deb http://archive.test/debian stable main'] },
  ['tiny'],
)
// Of the same options the last counts. No program of it runs: there is none.
const options = [...recipe.options, '--variant=custom', '--mode=chrootless']
await bootstrap(finished, { ...recipe, options }, new AbortController().signal)
process.stdout.write('built\n')
