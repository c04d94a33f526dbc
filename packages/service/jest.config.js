import preset from '../../jest.preset.js'

// What needs a Redis server has a script of its own, `npm run test:redis`.
export default { ...preset, testPathIgnorePatterns: process.env.REDIS_TESTS ? [] : ['<rootDir>/redis/'] }
