import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A jest reporter: leaves a run's totals in the directory that `JEST_TOTALS` names, for a sum over the workspaces. */
export default class Totals {
  onRunComplete(_tests, results) {
    const totals = {
      passed: results.numPassedTests,
      // A file that cannot even be loaded has no tests to fail.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    }
    writeFileSync(join(process.env.JEST_TOTALS, `${String(process.pid)}.json`), JSON.stringify(totals))
  }
}
