import { LocalEc2Error } from '../errors.ts'

/** A policy document that AWS would not take, or that this endpoint could only apply in part. */
export function invalid(place: string, problem: string): LocalEc2Error {
  return new LocalEc2Error('POLICY_INVALID', place === '' ? problem : `${place}: ${problem}`)
}
