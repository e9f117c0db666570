import { useInstance } from '@benchaway/vitest-plugin/driver'
import { expect, test } from 'vitest'

import { types } from './types.ts'

const instance = useInstance({ type: types[0] })
test('never runs', () => expect(instance.id).toBe(''))
