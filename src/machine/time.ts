// Time is an argument. It counts microseconds since the Unix epoch, stamped on a batch by the daemon before the batch is believed;
// a safe integer until the year 2255. Machines compare and add, they never ask (ADR-0006).

/** Microseconds since the Unix epoch. */
export type Micros = number

export const MICROS_PER_MS = 1000
export const MICROS_PER_SECOND = 1_000_000

/** ISO 8601 in UTC with microseconds, `2026-01-31T23:59:59.123456Z`. */
export const isoTime = (at: Micros): string => {
  const seconds = Math.floor(at / MICROS_PER_SECOND)
  const days = Math.floor(seconds / 86_400)
  const [year, month, day] = civilFromDays(days)
  const rest = seconds - days * 86_400
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map((part) => pad(part, 2)).join(":")
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}.${pad(at - seconds * MICROS_PER_SECOND, 6)}Z`
}

/** Year, month and day of a number of days since 1970-01-01, in eras of 400 years that begin on a first of March. */
const civilFromDays = (days: number): readonly [number, number, number] => {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return [year, month, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1]
}

const pad = (part: number, digits: number): string => String(part).padStart(digits, "0")
