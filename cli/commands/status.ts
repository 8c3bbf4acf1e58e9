import { defineCommand } from '../command.ts';
export const status = defineCommand({ name: 'status', summary: '', description: [], arguments: [], options: {}, examples: [], run: async () => 0 });
