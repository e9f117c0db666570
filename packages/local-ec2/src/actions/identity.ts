import type { StsActions } from './action.ts'

export const identityActions: StsActions = {
  GetCallerIdentity: {
    accepts: {},
    plan:
      (_, { accountId }) =>
      () => ({
        Account: accountId,
        Arn: `arn:aws:iam::${accountId}:user/local`,
        UserId: 'AIDALOCALEC2LOCALEC2X',
      }),
  },
}
