import preset from '../../jest.preset.js'

// Tests that need a Redis server run by `npm run test:redis`.
export default { ...preset, testPathIgnorePatterns: process.env.REDIS_TESTS ? [] : ['<rootDir>/redis/'] }
