/** Faults of what a call meets: the work is done, under worse conditions. */
import { wildcard } from '../actions/common/wildcard.ts'
import { under } from '../world/conditions.ts'
import { isPaged } from './actions.ts'
import type { NoCapacity, SmallPages, TagLag, VisibilityLag } from './fault.ts'
import type { Interception } from './interception.ts'

export function visibilityLag({ visibilityLagMs, of }: VisibilityLag): Interception {
  const types = typeof of === 'string' ? [of] : of
  return ({ proceed, strike }) => {
    const hiddenMs = (type: string): number => {
      if (types !== undefined && !types.includes(type)) return 0
      strike()
      return visibilityLagMs
    }
    return under({ hiddenMs }, proceed)
  }
}

export function tagLag({ tagLagMs: ms }: TagLag): Interception {
  return ({ proceed, strike }) => {
    const tagLagMs = (): number => {
      strike()
      return ms
    }
    return under({ tagLagMs }, proceed)
  }
}

export function smallPages({ pageSize }: SmallPages): Interception {
  return ({ call, proceed, strike }) => {
    if (!isPaged(call.service, call.action)) return proceed()
    strike()
    return under({ pageSize }, proceed)
  }
}

export function noCapacity({ noCapacity: where }: NoCapacity): Interception {
  const { zones, instanceTypes } = where === 'everywhere' ? {} : where
  return ({ proceed, strike }) => {
    const lacksCapacity = (zone: string, instanceType: string): boolean => {
      const lacking =
        (zones?.includes(zone) ?? true) &&
        (instanceTypes?.some((type) => wildcard(type)(instanceType)) ?? true)
      if (lacking) strike()
      return lacking
    }
    return under({ lacksCapacity }, proceed)
  }
}
