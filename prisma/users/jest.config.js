export { default } from '../../jest.postgres.js'
