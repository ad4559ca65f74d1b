/** The fields of the login page, which is also the answer to a form that came after its session had ended. */
export const LOGIN_FIELDS = {
  email: { id: 'email' },
  password: { id: 'current-password', secret: true },
  remember: { id: 'remember' },
  next: { id: 'next' },
  kept: { id: 'kept' },
} as const
