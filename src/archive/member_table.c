#include "archive/member_table.h"

#include <stdlib.h>
#include <string.h>

void
member_table_init(struct member_table *table)
{
	*table = (struct member_table){ .names = BUFFER(TARBALL_NAMES_MAX) };
}

void
member_table_release(struct member_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		buffer_release(&table->members[i].kept);
	free(table->members);
	free(table->places);
	free(table->by_name);
	buffer_release(&table->names);
	member_table_init(table);
}

/* One component of a path, which a "/" or the end follows. */
static const char *
bad_component(const char *at, size_t length)
{
	if (!length)
		return "an empty part";
	if (length == 1 && at[0] == '.')
		return "a \".\"";
	if (length == 2 && at[0] == '.' && at[1] == '.')
		return "a \"..\"";
	for (size_t i = 0; i < length; i++) {
		/* Letters of any alphabet: names are compared, no more. */
		if ((unsigned char)at[i] < ' ' || at[i] == 0x7f)
			return "bytes that are no plain text";
		if (at[i] == '\\')
			return "a backslash";
	}
	return NULL;
}

static const char *
bad_name(const char *name, size_t length)
{
	const char *why = length > TARBALL_NAME_MAX ? "too many bytes" : NULL;

	while (!why) {
		size_t part = strcspn(name, "/");

		if (part > length)
			part = length;
		why = bad_component(name, part);
		if (part == length)
			break;
		name += part + 1;
		length -= part + 1;
	}
	return why;
}

/* Without "./" in front and, of a folder, "/" behind. */
static int
clean_name(const char **name, size_t *length, enum tarball_kind kind,
	   struct ferry_error *err)
{
	const char *at = *name;
	const char *why;
	size_t left;

	if (*at == '/')
		return error_set(err, FERRY_E_FAILED,
				 "the name '%.200s' is absolute", *name);
	while (at[0] == '.' && at[1] == '/')
		at += 2;
	left = strlen(at);
	if (kind == TARBALL_FOLDER && left && at[left - 1] == '/')
		left--;
	if (kind == TARBALL_FOLDER && (!left || (left == 1 && *at == '.'))) {
		*length = 0;
		return 0;
	}
	why = bad_name(at, left);
	if (why)
		return error_set(err, FERRY_E_FAILED,
				 "the name '%.200s' has %s in it", *name, why);
	*name = at;
	*length = left;
	return 0;
}

static int
grow(struct member_table *table, struct ferry_error *err)
{
	size_t room = table->room ? table->room * 2 : 64;
	struct tarball_member *members;
	size_t *places;

	if (table->count >= TARBALL_MEMBERS_MAX)
		return error_set(err, FERRY_E_FAILED, "more than %d members",
				 TARBALL_MEMBERS_MAX);
	if (table->count < table->room)
		return 0;
	members = reallocarray(table->members, room, sizeof(*members));
	if (!members)
		return error_nomem(err);
	table->members = members;
	places = reallocarray(table->places, room, sizeof(*places));
	if (!places)
		return error_nomem(err);
	table->places = places;
	table->room = room;
	return 0;
}

/* Where a link leads: made from its folder and its text, lexically. */
static int
resolve_link(char out[TARBALL_NAME_MAX + 1], const char *name, const char *link)
{
	const char *slash = strrchr(name, '/');
	size_t length = slash ? (size_t)(slash - name) : 0;

	memcpy(out, name, length);
	while (strncmp(link, "./", 2) == 0 || strncmp(link, "../", 3) == 0) {
		if (link[1] == '/') {
			link += 2;
			continue;
		}
		if (!length)
			return -1;
		while (length && out[length - 1] != '/')
			length--;
		if (length)
			length--;
		link += 3;
	}
	if (length + 1 + strlen(link) > TARBALL_NAME_MAX)
		return -1;
	if (length)
		out[length++] = '/';
	strcpy(out + length, link);
	return bad_name(out, strlen(out)) ? -1 : 0;
}

static int
add_text(struct member_table *table, const char *text, struct ferry_error *err)
{
	int rc = buffer_append(&table->names, text, strlen(text) + 1, err);

	return rc && rc != FERRY_E_NOMEM ? error_wrap(err, "the members' names")
					 : rc;
}

static int
refuse_link(const char *name, const char *link, struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED,
			 "%s is a symbolic link to '%.200s', which is no file "
			 "of the archive",
			 name, link);
}

/* The target's name, after the link's own, until the table is settled. */
static int
add_link(struct member_table *table, const char *name, const char *link,
	 struct ferry_error *err)
{
	char target[TARBALL_NAME_MAX + 1];

	if (resolve_link(target, name, link))
		return refuse_link(name, link, err);
	return add_text(table, target, err);
}

int
member_table_add(struct member_table *table, const char *name,
		 enum tarball_kind kind, const char *link,
		 struct tarball_member **out, struct ferry_error *err)
{
	struct tarball_member member = { .kind = kind,
					 .kept = BUFFER(TARBALL_KEPT_MAX) };
	char text[TARBALL_NAME_MAX + 1];
	size_t at = table->names.size;
	size_t length = 0;
	int rc = clean_name(&name, &length, kind, err);

	*out = NULL;
	if (rc || !length)
		return rc;
	memcpy(text, name, length);
	text[length] = '\0';
	rc = grow(table, err);
	if (!rc)
		rc = add_text(table, text, err);
	if (!rc && kind == TARBALL_LINK)
		rc = add_link(table, text, link, err);
	if (rc)
		return rc;
	table->places[table->count] = at;
	table->members[table->count] = member;
	*out = &table->members[table->count++];
	return 0;
}

static int
by_name(const void *a, const void *b, void *data)
{
	const struct tarball_member *members = data;

	return strcmp(members[*(const size_t *)a].name,
		      members[*(const size_t *)b].name);
}

static int
sort(struct member_table *table, struct ferry_error *err)
{
	table->by_name = calloc(table->count + 1, sizeof(*table->by_name));
	if (!table->by_name)
		return error_nomem(err);
	for (size_t i = 0; i < table->count; i++) {
		table->by_name[i] = i;
		table->members[i].name =
			(const char *)table->names.data + table->places[i];
	}
	qsort_r(table->by_name, table->count, sizeof(*table->by_name), by_name,
		table->members);
	return 0;
}

static int
check_unique(const struct member_table *table, struct ferry_error *err)
{
	for (size_t i = 1; i < table->count; i++) {
		const char *name = table->members[table->by_name[i]].name;

		if (strcmp(name, table->members[table->by_name[i - 1]].name) ==
		    0)
			return error_set(err, FERRY_E_FAILED,
					 "two members are called %s", name);
	}
	return 0;
}

static int
settle_links(struct member_table *table, struct ferry_error *err)
{
	for (size_t i = 0; i < table->count; i++) {
		struct tarball_member *member = &table->members[i];
		const char *target;

		if (member->kind != TARBALL_LINK)
			continue;
		target = member->name + strlen(member->name) + 1;
		member->target = member_table_find(table, target);
		if (!member->target || member->target->kind != TARBALL_FILE)
			return refuse_link(member->name, target, err);
	}
	return 0;
}

int
member_table_settle(struct member_table *table, struct ferry_error *err)
{
	int rc = sort(table, err);

	if (!rc)
		rc = check_unique(table, err);
	return rc ? rc : settle_links(table, err);
}

struct key {
	const char *name;
	const struct tarball_member *members;
};

static int
compare_key(const void *key, const void *index)
{
	const struct key *wanted = key;

	return strcmp(wanted->name,
		      wanted->members[*(const size_t *)index].name);
}

const struct tarball_member *
member_table_find(const struct member_table *table, const char *name)
{
	struct key key = { .name = name, .members = table->members };
	const size_t *found = bsearch(&key, table->by_name, table->count,
				      sizeof(*table->by_name), compare_key);

	return found ? &table->members[*found] : NULL;
}
