import preset from '../jest.preset.js'

// What needs PostgreSQL's client programs has a script of its own, `npm run test:dump`.
export default { ...preset, testPathIgnorePatterns: process.env.DUMP_TESTS ? [] : ['<rootDir>/dump/'] }
