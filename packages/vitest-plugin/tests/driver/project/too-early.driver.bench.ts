import { useInstance } from '@benchaway/vitest-plugin/driver'
import { expect, test } from 'vitest'

import { types } from './types.ts'

const { id } = useInstance({ type: types[0] })

test('never runs', () => expect(id).toBe(''))
