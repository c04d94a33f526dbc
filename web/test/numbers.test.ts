import { expect, test } from '@jest/globals'
import { rangeOf } from '../src/reports/range.ts'
import { linePath, scaleOf } from '../src/ui/chart/scale.ts'
import { toCsv } from '../src/ui/csv.ts'

test.each([
  ['today', '2026-11-23', '2026-11-24'],
  ['yesterday', '2026-11-22', '2026-11-23'],
  ['7d', '2026-11-17', '2026-11-24'],
  ['month', '2026-11-01', '2026-11-24'],
  ['last-month', '2026-10-01', '2026-11-01'],
  ['year', '2026-01-01', '2026-11-24'],
] as const)('the range %s ends before the day after its last', (range, fromDay, toDay) => {
  expect(rangeOf({ range }, '2026-11-23')).toEqual({ fromDay, toDay })
})

test('a file quotes what would split it, and no spreadsheet executes what it holds', () => {
  expect(
    toCsv(
      ['a', 'b'],
      [
        ['x,"y"', 1.5],
        ['=1+1', null],
      ],
    ),
  ).toBe('a,b\r\n"x,""y""",1.5\r\n\'=1+1,\r\n')
})

test('an axis holds all values between round ticks, and a gap in the values is a gap in the line', () => {
  expect(scaleOf([3, null, 97]).ticks).toEqual([0, 25, 50, 75, 100])
  expect(linePath([[0, 1], [1, 2], null, [3, 4]])).toBe('M0.0 1.0L1.0 2.0M3.0 4.0')
})
