/* Two functions of the C library that Node uses and umockdev 0.17 does not show its devices to: realpath
 * (it corrupts the heap) and scandir (it is not wrapped). Here they are built from readlink and opendir,
 * which umockdev does wrap. Loaded before everything else by umockdev.test.ts. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40

/* The mocked /dev and /sys lie in a folder of umockdev's, whose name must not show. */
static void strip_testbed(char *path)
{
	const char *testbed = getenv("UMOCKDEV_DIR");
	size_t length = testbed == NULL ? 0 : strlen(testbed);
	if (length > 0 && strncmp(path, testbed, length) == 0 && path[length] == '/')
		memmove(path, path + length, strlen(path + length) + 1);
}

/* A mocked terminal is a link to a pseudo-terminal; it must look like the device that it stands for. */
static int is_mocked_terminal(const char *path, const char *link)
{
	return getenv("UMOCKDEV_DIR") != NULL && strncmp(path, "/dev/tty", 8) == 0 &&
	       strncmp(link, "/dev/pts/", 9) == 0;
}

/* Puts `link` in the place of the last name of `path[0..end)`, before what follows it. */
static int follow(char *path, size_t start, size_t end, const char *link)
{
	char next[2 * PATH_MAX];
	size_t kept = link[0] == '/' ? 0 : start;
	if (kept + strlen(link) + strlen(path + end) + 2 > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(next, path, kept);
	strcpy(next + kept, link);
	strcat(next, path + end);
	strip_testbed(next);
	strcpy(path, next);
	return 0;
}

char *realpath(const char *name, char *resolved)
{
	char path[PATH_MAX], link[PATH_MAX];
	size_t at = 1;
	int links = 0;
	if (name[0] != '/' || strlen(name) >= PATH_MAX) {
		errno = name[0] == '/' ? ENAMETOOLONG : EINVAL; /* Node hands in absolute paths only */
		return NULL;
	}
	strcpy(path, name);
	while (path[at] != '\0') {
		size_t end = at + strcspn(path + at, "/");
		size_t next = path[end] == '/' ? end + 1 : end;
		size_t length = end - at;
		if (length == 0 || (length == 1 && path[at] == '.')) {
			memmove(path + at, path + next, strlen(path + next) + 1);
		} else if (length == 2 && path[at] == '.' && path[at + 1] == '.') {
			size_t up = at > 1 ? at - 1 : 1;
			while (up > 1 && path[up - 1] != '/')
				up--;
			memmove(path + up, path + next, strlen(path + next) + 1);
			at = up;
		} else {
			char after = path[end];
			path[end] = '\0';
			ssize_t size = readlink(path, link, sizeof link - 1);
			if (size >= 0) {
				link[size] = '\0';
				if (is_mocked_terminal(path, link)) {
					size = -1;
					errno = EINVAL;
				}
			}
			path[end] = after;
			if (size < 0 && errno != EINVAL)
				return NULL;
			if (size < 0) {
				at = next;
				continue;
			}
			if (++links > LINKS_MAX) {
				errno = ELOOP;
				return NULL;
			}
			if (follow(path, at, end, link) < 0)
				return NULL;
			if (link[0] == '/')
				at = 1;
		}
	}
	if (at > 1 && path[at - 1] == '/')
		path[at - 1] = '\0';
	return resolved == NULL ? strdup(path) : strcpy(resolved, path);
}

int scandir64(const char *name, struct dirent64 ***list, int (*wanted)(const struct dirent64 *),
	      int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
	struct dirent64 **found = NULL, *entry;
	int count = 0;
	DIR *folder = opendir(name);
	if (folder == NULL)
		return -1;
	while ((entry = readdir64(folder)) != NULL) {
		if (wanted != NULL && !wanted(entry))
			continue;
		found = realloc(found, (count + 1) * sizeof *found);
		found[count] = malloc(entry->d_reclen);
		memcpy(found[count++], entry, entry->d_reclen);
	}
	closedir(folder);
	if (compare != NULL)
		qsort(found, count, sizeof *found, (int (*)(const void *, const void *))compare);
	*list = found;
	return count;
}
