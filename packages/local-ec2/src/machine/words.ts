/** A list, written as words between blanks. */
export const words = (text: string): string[] => text.trim().split(/\s+/)
