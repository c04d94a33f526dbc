import preset from '../jest.preset.js'

// Restores of whole systems (`recovery`), and what needs PostgreSQL as the distribution installs it (`installed`), have
// commands of their own.
const suite = process.env.SUITE
export default {
  ...preset,
  roots: [`<rootDir>/test/${suite ?? ''}`],
  testPathIgnorePatterns: suite === undefined ? ['/test/recovery/', '/test/installed/'] : [],
}
