import preset from '../jest.preset.js'

// `npm test` runs the scenarios. Whole-system recoveries (`faults`) and fuzzing (`fuzz`) have commands of their own.
export default { ...preset, roots: [`<rootDir>/${process.env.SUITE ?? 'scenarios'}`] }
