package dev.wheelwork

import dev.wheelwork.ffi.ChatHandle
import dev.wheelwork.ffi.RestoredChat

/**
 * What a session file gave.
 *
 * @property chat The conversation.
 * @property cachedTokens Tokens whose keys and values are back.
 * @property recomputedBecause Why the next turn computes the whole conversation again; null where it does not.
 * @property unfinishedTurn Whether a turn was under way: [Chat.resume] goes on with it.
 * @property droppedBytes Bytes at the file's end that were no whole record.
 * @property keptElsewhere Whether another conversation, here or in another process, is kept in the file: this one cannot be.
 * @property damagedAt The byte from which on a damaged file was not read; null where it was whole.
 */
public class Restored internal constructor(
    public val chat: Chat,
    public val cachedTokens: Int,
    public val recomputedBecause: String?,
    public val unfinishedTurn: Boolean,
    public val droppedBytes: Long,
    public val keptElsewhere: Boolean,
    public val damagedAt: Long?,
) : AutoCloseable {
    /** Closes the conversation, as [Chat.close]. */
    override fun close() {
        chat.close()
    }
}

internal fun RestoredChat.toPublic(adopt: (ChatHandle) -> Chat): Restored = Restored(
    chat = adopt(chat),
    cachedTokens = cachedTokens.toCount(),
    recomputedBecause = recomputedBecause,
    unfinishedTurn = unfinishedTurn,
    droppedBytes = droppedBytes.toCount(),
    keptElsewhere = keptElsewhere,
    damagedAt = damagedAt?.toCount(),
)
