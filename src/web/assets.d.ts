// Styles that the build gathers into files of their own.

declare module '*.css';
